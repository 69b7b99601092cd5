package simulator

import (
	"errors"
	"net"
	"net/http"
	"sync/atomic"
)

// balancer is what stands before several instances of a bot: each notification
// goes to the next, and past one that cannot be reached. What has reached an
// instance is not sent to another, whatever becomes of it.
type balancer struct {
	hosts []string
	next  http.RoundTripper
	turn  atomic.Uint64
}

func (b *balancer) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	turn := b.turn.Add(1)
	for i := range b.hosts {
		try := r.Clone(r.Context())
		if try.Body, err = r.GetBody(); err != nil {
			return nil, err
		}
		try.URL.Host = b.hosts[(turn+uint64(i))%uint64(len(b.hosts))]
		try.Host = "" // that of the URL
		if resp, err = b.next.RoundTrip(try); err == nil || !unreachable(err) {
			return resp, err
		}
	}
	return nil, err
}

// unreachable tells that nothing was sent.
func unreachable(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}
