package relay

import (
	"net/netip"
	"sync"

	"golang.org/x/time/rate"
)

// How many failed checks of webhook tokens are answered 401, a second and in a
// burst; beyond, the answer is 429.
const (
	failuresOfOne, burstOfOne = 10, 20
	failuresOfAll, burstOfAll = 100, 200
	// failingSources are told apart; when there are more, all begin anew and the
	// limit for all together stands alone for a moment.
	failingSources = 4096
)

// failures limits failed checks per source and in all (W-15). Only a check that
// has failed comes here, so no valid token is ever limited, also when all the
// world arrives from one proxy's or tunnel's address. Forwarded headers are not
// believed: whoever sends them could choose a source for each request.
type failures struct {
	mu  sync.Mutex
	all *rate.Limiter
	of  map[netip.Prefix]*rate.Limiter
}

func newFailures() *failures {
	return &failures{all: rate.NewLimiter(failuresOfAll, burstOfAll), of: map[netip.Prefix]*rate.Limiter{}}
}

// tooMany counts one failure of a remote address, host:port, and reports whether
// there were too many. A source over its own limit does not use up everybody's.
func (f *failures) tooMany(remote string) bool {
	source := sourceOf(remote)
	f.mu.Lock()
	one := f.of[source]
	if one == nil {
		if len(f.of) >= failingSources {
			clear(f.of)
		}
		one = rate.NewLimiter(failuresOfOne, burstOfOne)
		f.of[source] = one
	}
	f.mu.Unlock()
	return !one.Allow() || !f.all.Allow()
}

// sourceOf is an IPv4 address, or the /64 network that one IPv6 host has to itself.
// What is no address shares one source.
func sourceOf(remote string) netip.Prefix {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	addr, bits := at.Addr().Unmap().WithZone(""), 64
	if addr.Is4() {
		bits = 32
	}
	source, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return source
}
