package relay

import (
	"errors"
	"io"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"callscreen/relay/call"
	"callscreen/relay/wire"
)

const (
	seatQueue   = 256             // frames that wait for one console before it counts as too slow
	writeWithin = 5 * time.Second // for one frame
	// lingerWithin and lingerMost bound what is still read, and thrown away, after
	// the goodbye. A socket that is closed with something unread resets the
	// connection, and the goodbye that says why may never be seen.
	lingerWithin = time.Second
	lingerMost   = 4 << 20
)

// seat is one console's place at the desk: a bounded queue that one goroutine
// writes to the socket. Whoever offers a frame never waits for a slow console;
// a console that falls behind is told to come back for a fresh board.
type seat struct {
	operator call.Operator // as the token was judged at the handshake
	token    string        // judged again and again: it may be revoked, or run out
	bot      string
	conn     *websocket.Conn
	first    [][]byte // the welcome and what was missed; written before the queue

	drawn time.Time  // when its screen was last drawn; this and looks under the desk's mu
	looks *call.Call // what was selected on it

	queue chan []byte
	gone  chan struct{} // closed once, when the seat is given up
	aired sync.Mutex    // held to move the read deadline; once the seat is given up it only comes nearer
	once  sync.Once
	code  int // why, written before gone is closed
	why   string
}

func newSeat(conn *websocket.Conn, operator call.Operator, token, bot string) *seat {
	return &seat{
		operator: operator, token: token, bot: bot, conn: conn,
		queue: make(chan []byte, seatQueue), gone: make(chan struct{}),
	}
}

// offer queues a frame, or gives the seat up when the queue is full.
func (s *seat) offer(frame []byte) {
	select {
	case s.queue <- frame:
	default:
		s.hangUp(wire.TooSlow, "come back for a fresh board")
	}
}

// hangUp ends the seat with a close code; only the first reason counts.
func (s *seat) hangUp(code int, why string) {
	s.once.Do(func() {
		s.code, s.why = code, why
		close(s.gone)
	})
}

// write is the socket's only writer. It returns when the seat is given up or a
// write fails. Either ends the reader: a broken socket is closed, and of one that
// was told goodbye little more is read.
func (s *seat) write() {
	if !s.givenUp() && !s.serve() {
		_ = s.conn.Close()
		return
	}
	s.drain()
	message := websocket.FormatCloseMessage(s.code, s.why)
	_ = s.conn.WriteControl(websocket.CloseMessage, message, time.Now().Add(time.Second))
	if !s.lingers() {
		_ = s.conn.Close()
		return
	}
	s.aired.Lock()
	defer s.aired.Unlock()
	_ = s.conn.SetReadDeadline(time.Now().Add(lingerWithin))
}

// lingers tells whether the goodbye is waited with: not where the console has said
// its own or takes nothing any more, nor where the relay is in a hurry.
func (s *seat) lingers() bool {
	switch s.code {
	case websocket.CloseNormalClosure, wire.Shutdown, wire.TooSlow:
		return false
	default:
		return true
	}
}

// serve writes frames until the seat is given up; it reports false when a write
// failed before.
func (s *seat) serve() bool {
	for _, frame := range s.first {
		if s.send(frame) != nil {
			return false
		}
	}
	s.first = nil
	ping := time.NewTicker(wire.PingEvery)
	defer ping.Stop()
	for {
		select {
		case frame := <-s.queue:
			if s.send(frame) != nil {
				return false
			}
		case <-ping.C:
			if s.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeWithin)) != nil {
				return false
			}
		case <-s.gone:
			return true
		}
	}
}

// errGivenUp ends the reading of a seat that was given up: what comes after the
// goodbye is not carried out.
var errGivenUp = errors.New("the seat was given up")

// heard gives a console that was heard from the time until it must be heard again.
func (s *seat) heard() error {
	s.aired.Lock()
	defer s.aired.Unlock()
	if s.givenUp() {
		return errGivenUp
	}
	return s.conn.SetReadDeadline(time.Now().Add(wire.PingEvery + wire.PongWithin))
}

func (s *seat) givenUp() bool {
	select {
	case <-s.gone:
		return true
	default:
		return false
	}
}

// close ends the socket once nobody reads or writes frames any more.
func (s *seat) close() {
	if s.lingers() {
		_, _ = io.CopyN(io.Discard, s.conn.NetConn(), lingerMost)
	}
	_ = s.conn.Close()
}

// drain sends what is queued already, so that a console told "the relay goes
// down" has seen every outcome that came before.
func (s *seat) drain() {
	if s.code == wire.TooSlow {
		return
	}
	for {
		select {
		case frame := <-s.queue:
			if s.send(frame) != nil {
				return
			}
		default:
			return
		}
	}
}

func (s *seat) send(frame []byte) error {
	if err := s.conn.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil {
		return err
	}
	return s.conn.WriteMessage(websocket.TextMessage, frame)
}
