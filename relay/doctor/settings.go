package doctor

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

func (x *examination) settings(context.Context) []Finding {
	var all []Finding
	for _, f := range x.o.Faults {
		all = append(all, found(Wrong, f.Mend, "%s", f.Words)...)
	}
	for _, f := range x.o.Warnings {
		all = append(all, found(Warning, f.Mend, "%s", f.Words)...)
	}
	if len(all) > 0 {
		return all
	}
	where := "the cloud " + x.o.Cloud.Name
	if x.simulated() {
		where = "a simulated Microsoft at " + hostOf(x.o.Cloud.Root)
	}
	return good("app %s in tenant %s, %s; from %s", x.o.ClientID, x.o.TenantID, where, x.o.Source)
}

// simulated tells whether the Microsoft of these settings runs on this machine.
func (x *examination) simulated() bool { return onlyHere(hostOf(x.o.Cloud.Root)) }

func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Host
}

// onlyHere tells whether an address, with or without a port, cannot be reached
// from the internet.
func onlyHere(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && (ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsUnspecified())
}

// size is a number of bytes for people.
func size(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	default:
		return fmt.Sprintf("%d KiB", n>>10)
	}
}
