package doctor

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"callscreen/graph"
	"callscreen/relay/call"
	"callscreen/relay/client"
	"callscreen/relay/wire"
)

// maxAnswer bounds what is read of an answer: a sentence is looked for in it.
const maxAnswer = 64 << 10

// answer is what is kept of an HTTP answer.
type answer struct {
	status int
	relay  string // wire.RelayHeader
	detail string // of a problem of ours
	page   bool
	shown  []*x509.Certificate // the server's, the leaf first
}

// ask sends one request with no credentials and follows nobody.
func ask(ctx context.Context, c *http.Client, method, url, body string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("User-Agent", "callscreen-doctor")
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	raw, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer)) // cut or broken: the status remains
	a := answer{status: resp.StatusCode, relay: resp.Header.Get(wire.RelayHeader)}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/problem+json") {
		var p struct{ Detail string }
		if json.Unmarshal(raw, &p) == nil {
			a.detail = p.Detail
		}
	}
	a.page = graph.IsPage(resp.Header, raw)
	if resp.TLS != nil {
		a.shown = resp.TLS.PeerCertificates
	}
	return a, nil
}

func (x *examination) relay(ctx context.Context) (all []Finding) {
	direct := &http.Client{
		Transport:     &http.Transport{TLSClientConfig: x.o.Console.TLS, Proxy: http.ProxyFromEnvironment, OnProxyConnectResponse: graph.ConnectRefused},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer direct.CloseIdleConnections()
	for address := range strings.SplitSeq(x.o.Console.URL, ",") {
		all = append(all, x.relayAt(ctx, direct, strings.TrimSpace(address))...)
	}
	if len(x.relays) > 0 {
		for i := range all { // where one of several is missing, consoles go on at the next
			if all[i].State == Wrong && len(all) > 1 {
				all[i].State = Warning
			}
		}
	}
	return all
}

func (x *examination) relayAt(ctx context.Context, direct *http.Client, address string) []Finding {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return x.unfit(theRelay, errors.New("the relay's address is not known"))
	}
	a, err := ask(ctx, direct, http.MethodGet, u.JoinPath("readyz").String(), "")
	if err != nil {
		return x.noRelay(ctx, u.Host, address, err)
	}
	if a.relay == "" {
		return found(Wrong, "set relay to the address that the relay prints when it starts, and start one if none runs: callscreen relay",
			"what answers at %s (%d) is no callscreen relay, or an old one", address, a.status)
	}
	x.relays = append(x.relays, a.relay)
	if x.o.Health != "" {
		a = askElsewhere(ctx, direct, x.o.Health, a)
	}
	switch a.status {
	case http.StatusOK:
		return good("one runs at %s, and calls can be screened", address)
	case http.StatusServiceUnavailable:
		return found(Wrong, "mend what is wrong above, if anything is; else the relay's own log says more", "one runs at %s and is not ready: %s", address, a.detail)
	}
	return good("one runs at %s; whether it is ready it tells on its own machine only", address)
}

// askElsewhere asks a relay whose health is on a port of its own; what it said of
// itself on its main port counts if that does not answer.
func askElsewhere(ctx context.Context, c *http.Client, health string, said answer) answer {
	a, err := ask(ctx, c, http.MethodGet, "http://"+health+"/readyz", "")
	if err != nil || a.relay != said.relay {
		return said
	}
	return a
}

func (x *examination) noRelay(ctx context.Context, host, address string, err error) []Finding {
	detail, mend := unreachable(ctx, host, err)
	detail = "no relay at " + address + ", so no call is screened: " + detail
	switch {
	case !onlyHere(host):
		return found(Wrong, mend, "%s", detail)
	case x.held:
		return found(Wrong, "set relay to the address that the running relay printed when it started",
			"%s; but a relay runs%s and listens elsewhere", detail, process(x.holder))
	case x.o.Listen != "" && x.o.Listen != host:
		return found(Wrong, fmt.Sprintf("start one: callscreen relay; with these settings it listens at %s, so set relay to %s", x.o.Listen, x.wouldBe()), "%s", detail)
	}
	return found(Wrong, "start one: callscreen relay", "%s", detail)
}

// wouldBe is where a relay with these settings would be found.
func (x *examination) wouldBe() string {
	if onlyHere(x.o.Listen) {
		return "http://" + x.o.Listen
	}
	return cmp.Or(x.o.PublicURL, "its public https address")
}

func process(pid int) string {
	if pid == 0 {
		return ""
	}
	return fmt.Sprintf(" (process %d)", pid)
}

// console makes a whole link, as a console does, up to the relay's welcome.
func (x *examination) console(ctx context.Context) []Finding {
	if len(x.relays) == 0 {
		return x.prevented(console, theRelay)
	}
	link, err := client.New(x.o.Console)
	if err != nil {
		return x.unfit(console, err)
	}
	leave := linked(ctx, link)
	defer leave()
	l, err := (&watcher{link: link}).awaitLink(ctx)
	if err != nil {
		return found(Wrong, "make a token on the relay's machine: callscreen operator add NAME; set it as CALLSCREEN_TOKEN, or in a file of mode 0600 that token-file names", "%v", err)
	}
	ours := "bot " + x.o.ClientID[:min(8, len(x.o.ClientID))]
	if x.o.ClientID != "" && l.Bot != ours {
		return found(Warning, "compare the settings of the running relay with these: callscreen config show", "welcomed as %s, but by the relay of %s, and client-id makes it %s", l.Operator, l.Bot, ours)
	}
	return good("welcomed as %s by %s", l.Operator, l.Bot)
}

// linked runs a link; leave ends it and waits for that.
func linked(ctx context.Context, link *client.Client) (leave func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = link.Run(ctx) // what it ends with, Next tells
	}()
	return func() { cancel(); <-done }
}

// watcher reads what a link tells, one by one.
type watcher struct {
	link     *client.Client
	read     []call.Update
	happened map[happening]bool // what nextOf has handed out
}

func (w *watcher) next(ctx context.Context) (u call.Update, err error) {
	for len(w.read) == 0 {
		if w.read, err = w.link.Next(ctx); err != nil {
			return u, cmp.Or(context.Cause(ctx), err)
		}
	}
	u, w.read = w.read[0], w.read[1:]
	return u, nil
}

// awaitLink waits for the first try to end.
func (w *watcher) awaitLink(ctx context.Context) (call.Link, error) {
	for {
		u, err := w.next(ctx)
		switch {
		case err != nil:
			return call.Link{}, err
		case u.Link == nil:
		case u.Link.Up:
			return *u.Link, nil
		case u.Link.Err != "":
			return call.Link{}, errors.New(u.Link.Err)
		}
	}
}
