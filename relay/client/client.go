// Package client is a console's end of the wire: it dials the relay, reads what
// happens, makes sure that the relay is there, comes back when it was not, and
// carries decisions. It knows no screen and no rules of screening.
//
// What the reader of [Client.Next] is promised:
//
//   - Everything in order, nothing lost and nothing doubled. After a break the
//     client asks for what happened since its cursor; where the relay cannot
//     tell, it sends a whole board, and so does the client to a reader that fell
//     more than 4096 updates behind.
//   - Every change of the link is an update of its own, in words for the
//     operator. A link that broke silently is noticed within 10 seconds.
//   - Every [Client.Reject] that returned no error is answered exactly once, one
//     second after the call's deadline at the latest.
//
// What becomes of a decision when the link breaks: one that was pressed while
// the link was down is refused ([ErrOffline]) and never sent. One that was still
// queued when the link broke is answered [call.NotSent]. One that had been
// written may have arrived: once the link is back and what was missed is read,
// the journal tells. If it carries the claim, the answer follows from it; if the
// call still rings unclaimed and time is left, the very same command is sent
// again (the relay gives one answer to one request id); if it is over or taken, or
// was taken back, the answer says so. A call whose earlier claim is in doubt is
// never claimed again from here: that is for an operator to decide. Without a link
// by the deadline the answer is [call.WasUnknown].
//
// The token travels in the Authorization header and nowhere else. Off loopback
// the link is TLS; there is no switch that turns verification off. Redirects
// are not followed, compression is never negotiated, no Origin is sent.
package client

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/url"
	"sync"
	"time"

	"callscreen/relay/call"
	"callscreen/relay/wire"
)

const (
	// handshakeWithin bounds a try, from the name's resolution to the answer 101.
	handshakeWithin = 5 * time.Second
	// writeWithin bounds the writing of one frame.
	writeWithin = 5 * time.Second
	// leaveWithin is how long the relay has to answer our close frame.
	leaveWithin = 500 * time.Millisecond
	// firstPause and longestPause bound the pauses between tries.
	firstPause   = 100 * time.Millisecond
	longestPause = 3 * time.Second
	// steadyAfter is how long a link must have held for its end to be the first
	// failure again: a relay that welcomes and hangs up is not dialled in a circle.
	steadyAfter = 2 * time.Second
	// maxFrame bounds one message from the relay: a board of thousands of calls.
	maxFrame = 16 << 20
)

// Options say where the relay is and who asks.
type Options struct {
	// URL is the relay's address, such as http://127.0.0.1:8080 or
	// https://relay.example.com, or several of relays on one journal, separated
	// by commas: where one cannot be reached the next is tried. Plain http is for
	// loopback only.
	URL string
	// Token gives the operator's token. It is asked before each try, so that a
	// token made meanwhile is found. Its errors are shown to the operator.
	Token func() (string, error)
	// TLS brings trust roots and client certificates; nothing else of it is
	// used. nil means the system's roots.
	TLS *tls.Config
	// Logger is told of the link's ups and downs; nil is silent.
	Logger *slog.Logger
	// UserAgent names this program and its version to the relay.
	UserAgent string
	// Dial makes the connections; nil dials TCP, and under plain http refuses to
	// arrive anywhere but on this machine. Another one answers for that itself.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Client is the link of one console. Make it with [New], start it with Run;
// every other method may be called from any goroutine at any time.
type Client struct {
	opts   Options
	relays []*url.URL // http or https; at least one
	log    *slog.Logger
	pause  func(try int) time.Duration // before try n; tests make it short

	news  chan struct{} // to Next: something is new
	work  chan struct{} // to the link's writer: something is to be sent
	again chan struct{} // to Run or the writer: dial now

	mu      sync.Mutex // guards what follows; held for moments, never over I/O
	feed    feed
	board   *call.Board // folded from the same events as the reader's; nil before the first welcome
	epoch   string      // of the board's journal; "" asks for a fresh board
	link    call.Link
	out     []wire.FromConsole // rejects not yet written, in order
	undos   []wire.FromConsole // take-backs not yet written; of decisions that were
	alive   *wire.FromConsole  // the newest Alive not yet written
	pending map[string]*command
	asked   int // pending ones that this link's relay has
	pace    pace
	over    bool
}

// New checks the options; it dials nothing.
func New(o Options) (*Client, error) {
	relays, err := parseRelays(o.URL)
	if err != nil {
		return nil, err
	}
	if o.Token == nil {
		return nil, errors.New("client: a token is required")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Client{
		opts: o, relays: relays, log: o.Logger, pause: pause,
		news: make(chan struct{}, 1), work: make(chan struct{}, 1), again: make(chan struct{}, 1),
		pending: map[string]*command{}, pace: newPace(),
	}, nil
}

// Run keeps the link until ctx ends, then leaves the relay cleanly and returns
// nil. It returns an error, in words for the operator, only when coming back is
// pointless: every relay refuses the token or the version. The last link update
// then is final. Run is called once; its goroutines have ended when it returns.
func (c *Client) Run(ctx context.Context) error {
	defer c.end()
	refused := 0 // relays in a row that never want to see us again
	for try, at := 1, 0; ; try++ {
		c.trying(try)
		lasted, err := c.connect(ctx, c.relays[at])
		if ctx.Err() != nil {
			c.down(call.Link{})
			return nil // the end that was asked for
		}
		if final, ok := errors.AsType[*finalError](err); !ok {
			refused = 0
		} else if refused++; refused == len(c.relays) {
			c.log.ErrorContext(ctx, "relay link refused", "err", final)
			c.down(call.Link{Err: final.Error(), Final: true})
			return final
		}
		if lasted >= steadyAfter {
			try = 0
		}
		wait := c.pause(try/len(c.relays) + 1)
		if errors.Is(err, errAgain) {
			try, wait = 0, 0
		} else {
			at = (at + 1) % len(c.relays)
		}
		c.log.WarnContext(ctx, "relay link down", "err", err, "try", try+1, "wait", wait)
		c.down(call.Link{Err: err.Error(), Try: try + 1, RetryAt: time.Now().Add(wait)})
		select {
		case <-ctx.Done():
			return nil
		case <-c.again:
			try = 0
		case <-time.After(wait):
		}
	}
}

// connect is one try and, when it succeeds, the link's whole life, whose length
// it returns. The error is in words for the operator.
func (c *Client) connect(ctx context.Context, relay *url.URL) (time.Duration, error) {
	conn, err := c.dial(ctx, relay)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	s := &session{c: c, conn: conn, began: began}
	err = s.run(ctx)
	c.broken()
	return time.Since(began), err
}

// pause draws the wait before a try, with full jitter: a thousand consoles that
// lost one relay must not all return in one moment.
func pause(try int) time.Duration {
	most := min(firstPause<<min(try-1, 10), longestPause)
	return rand.N(most) //nolint:gosec // spreads load, guards nothing
}

// Next returns everything that happened since the last call, in order, and
// waits until there is something. One goroutine at a time may call it. After
// Run has ended and all is handed out it returns [io.EOF].
func (c *Client) Next(ctx context.Context) ([]call.Update, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		c.mu.Lock()
		updates, over := c.feed.take(c.board), c.over
		c.mu.Unlock()
		switch {
		case len(updates) > 0:
			return updates, nil
		case over:
			return nil, io.EOF
		}
		select {
		case <-ctx.Done():
		case <-c.news:
		}
	}
}

// Alive tells the relay that the screen is drawn, shows so many calls, and which
// of them is selected, "" for none. Only the newest is sent, at most once a
// second; nothing is kept for a later link.
func (c *Client) Alive(drawn int, selected call.ID) {
	c.mu.Lock()
	if c.link.Up {
		c.alive = &wire.FromConsole{Kind: wire.KindAlive, Drawn: drawn, Call: selected}
	}
	c.mu.Unlock()
	signal(c.work)
}

// Reconnect dials now: it cuts a wait short, and gives up a link that stands.
func (c *Client) Reconnect() { signal(c.again) }

// trying tells the reader that a try begins.
func (c *Client) trying(try int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.link.Try, c.link.RetryAt = try, time.Now()
	c.tell()
}

// down tells the reader why the link is down. Who we are and when the relay was
// last heard stay known.
func (c *Client) down(l call.Link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l.Operator, l.Role, l.Bot, l.LastHeard = c.link.Operator, c.link.Role, c.link.Bot, c.link.LastHeard
	c.link = l
	c.tell()
}

// end answers what is still open and lets Next come to its end.
func (c *Client) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.abandon()
	c.over = true
	signal(c.news)
}

// tell queues the link's state. The caller holds mu.
func (c *Client) tell() {
	c.add(call.Update{Link: new(c.link)})
}

// add queues an update. The caller holds mu.
func (c *Client) add(u call.Update) {
	c.feed.add(u)
	signal(c.news)
}

// signal leaves a mark in a channel of one, if none is there yet.
func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
