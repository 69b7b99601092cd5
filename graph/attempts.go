package graph

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// The rules of trying again (G-05 to G-09).
const (
	maxTries       = 3
	tryTimeout     = 3 * time.Second
	retryMargin    = 500 * time.Millisecond // no retry starts later than this before the deadline
	throttleMargin = time.Second            // a wait asked for by Graph must end this long before it
	jitterLow      = 200 * time.Millisecond
	jitterHigh     = 800 * time.Millisecond
)

// attempts is one rejection under way.
type attempts struct {
	client   *Client
	url      string
	scenario string // one for all tries
	tenant   string
	body     []byte
	began    time.Time
	before   time.Time // no try leaves from then on; zero: no such moment

	token   string
	sent    int  // tries so far
	renewed bool // the one fresh token after a 401 was used
	maybe   bool // an earlier try may have been carried out
	unclear bool // an earlier try got no clear answer: it may have been, and nobody said no
}

// verdict is what one try means: an end (done), or try again after a pause, else err.
type verdict struct {
	done  bool
	err   error         // the end if no other try can be made; nil with done: success
	pause time.Duration // before the next try
	until time.Duration // how long before the deadline the pause must be over
}

// run tries until there is an end. Also a receipt of a failure tells how often and how long.
func (a *attempts) run(ctx context.Context) (Receipt, error) {
	receipt, err := a.tries(ctx)
	receipt.Took, receipt.Attempts = time.Since(a.began), a.sent
	return receipt, err
}

func (a *attempts) tries(ctx context.Context) (Receipt, error) {
	var err error
	if a.token, err = a.client.tokens.Token(ctx, a.tenant); err != nil {
		return Receipt{}, &UnauthorizedError{Err: err}
	}
	var last error // what the latest try ended in
	for {
		if err := ctx.Err(); err != nil {
			return Receipt{}, a.unreached(answer{}, err, false)
		}
		if !a.before.IsZero() && !time.Now().Before(a.before) {
			if last == nil {
				last = a.unreached(answer{}, errors.New("the time to send it was over"), false)
			}
			return Receipt{}, last
		}
		id := newRequestID()
		ans, v := a.try(ctx, id)
		last = v.err
		if v.done && v.err == nil {
			return Receipt{Status: ans.status, RequestID: ans.requestID, ClientRequestID: id}, nil
		}
		if v.done || a.sent >= maxTries || !pause(ctx, v) {
			return Receipt{}, v.err
		}
	}
}

// pause waits before the next try if the deadline leaves room for one. A longer wait is not begun at all: the
// operator should hear at once that it is over.
func pause(ctx context.Context, v verdict) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < v.pause+v.until {
		return false
	}
	timer := time.NewTimer(v.pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (a *attempts) try(ctx context.Context, id string) (answer, verdict) {
	tryCtx, cancel := context.WithTimeoutCause(ctx, tryTimeout, errors.New("no answer within 3 s"))
	defer cancel()
	var trace connTrace
	a.sent++
	ans, err := a.client.post(trace.attach(tryCtx), a, id)
	a.client.log.DebugContext(ctx, "reject sent", "try", a.sent, "status", ans.status, "code", ans.code,
		"request_id", ans.requestID, "client_request_id", id, "error", err)
	if err != nil {
		if tryCtx.Err() != nil {
			err = context.Cause(tryCtx)
		}
		return ans, a.noAnswer(err, trace.unsent(err))
	}
	if ans.status == http.StatusUnauthorized {
		return ans, a.unauthorized(ctx, ans)
	}
	return ans, a.judge(ans)
}

// noAnswer: a request that cannot have left is safe to repeat and, in the end, harmless; any other may have arrived.
func (a *attempts) noAnswer(err error, unsent bool) verdict {
	if errors.Is(err, ErrForbiddenRequest) {
		return verdict{done: true, err: a.unreached(answer{}, err, false)}
	}
	if !unsent {
		a.maybe, a.unclear = true, true
		a.client.http.CloseIdleConnections() // the next try shall not meet the same dead connection
	}
	return a.again(a.unreached(answer{}, err, !unsent))
}

// unauthorized: one fresh token, one retry.
func (a *attempts) unauthorized(ctx context.Context, ans answer) verdict {
	refused := &UnauthorizedError{Status: ans.status, Code: ans.code, RequestID: ans.requestID}
	if a.renewed || a.sent >= maxTries {
		return verdict{done: true, err: refused}
	}
	a.renewed = true
	token, err := a.client.tokens.Renew(ctx, a.tenant, a.token)
	if err != nil {
		refused.Err = err
		return verdict{done: true, err: refused}
	}
	a.token = token
	return verdict{err: refused, until: retryMargin}
}

// judge reads a status as sections "Errors and throttling" of the Graph reference and others' reports have it.
func (a *attempts) judge(ans answer) verdict {
	switch s := ans.status; {
	case s >= 200 && s < 300 && ans.page:
		a.maybe, a.unclear = true, true
		return verdict{done: true, err: a.unreached(ans, ErrPage, true)}
	case s >= 200 && s < 300:
		return verdict{done: true}
	case s == http.StatusNotFound, s == http.StatusConflict, s == http.StatusPreconditionFailed:
		return verdict{done: true, err: &GoneError{s, ans.code, ans.requestID, a.maybe}}
	case s == http.StatusTooManyRequests:
		return a.throttled(ans)
	case s == http.StatusBadGateway, s == http.StatusGatewayTimeout:
		// A gateway speaks, and does not know what became of the request behind it.
		a.maybe, a.unclear = true, true
		return a.again(a.unreached(ans, nil, true))
	case s >= 500:
		a.maybe = true
		return a.again(a.refused(ans))
	default:
		return verdict{done: true, err: &RefusedError{s, ans.code, ans.requestID}}
	}
}

// refused is the end for a server's trouble: a no, unless an earlier try is still unclear.
func (a *attempts) refused(ans answer) error {
	if a.unclear {
		return a.unreached(ans, nil, true)
	}
	return &RefusedError{ans.status, ans.code, ans.requestID}
}

func (a *attempts) throttled(ans answer) verdict {
	var err error = &ThrottledError{ans.after, ans.hadAfter, ans.requestID}
	if a.unclear {
		err = a.unreached(ans, nil, true)
	}
	if ans.hadAfter {
		return verdict{err: err, pause: ans.after, until: throttleMargin}
	}
	v := a.again(err)
	v.pause <<= a.sent - 1 // exponential, as Graph asks when it names no time
	v.until = throttleMargin
	return v
}

func (a *attempts) unreached(ans answer, err error, ambiguous bool) error {
	return &UnreachableError{Ambiguous: ambiguous || a.unclear, Status: ans.status, RequestID: ans.requestID, Err: err}
}

// again is a retry after a jittered pause, or err if there is no room for one.
func (a *attempts) again(err error) verdict {
	jitter := time.Duration(a.client.rand() * float64(jitterHigh-jitterLow))
	return verdict{err: err, pause: jitterLow + jitter, until: retryMargin}
}

// connTrace tells whether a connection was ever at hand, without which nothing can have been sent.
type connTrace struct{ asked, got atomic.Bool }

func (t *connTrace) attach(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { t.asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { t.got.Store(true) },
	})
}

// unsent is true only if the request provably did not leave. In doubt it may have arrived.
func (t *connTrace) unsent(err error) bool {
	if t.asked.Load() {
		return !t.got.Load()
	}
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}
