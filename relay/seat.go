package relay

import (
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"callscreen/relay/wire"
)

const (
	seatQueue   = 256             // frames that wait for one console before it counts as too slow
	writeWithin = 5 * time.Second // for one frame
)

// seat is one console's place at the desk: a bounded queue that one goroutine
// writes to the socket. Whoever offers a frame never waits for a slow console;
// a console that falls behind is told to come back for a fresh board.
type seat struct {
	operator string
	token    string // checked again and again: it may be revoked
	bot      string
	conn     *websocket.Conn
	first    [][]byte // the welcome and what was missed; written before the queue

	queue chan []byte
	gone  chan struct{} // closed once, when the seat is given up
	once  sync.Once
	code  int // why, written before gone is closed
	why   string
}

func newSeat(conn *websocket.Conn, operator, token, bot string) *seat {
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
		s.hangUp(wire.TooSlow, "too slow: come back for a fresh board")
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
// write fails, and closes the socket, which ends the reader.
func (s *seat) write() {
	defer func() { _ = s.conn.Close() }()
	for _, frame := range s.first {
		if s.send(frame) != nil {
			return
		}
	}
	s.first = nil
	ping := time.NewTicker(wire.PingEvery)
	defer ping.Stop()
	for {
		select {
		case frame := <-s.queue:
			if s.send(frame) != nil {
				return
			}
		case <-ping.C:
			if s.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeWithin)) != nil {
				return
			}
		case <-s.gone:
			s.drain()
			message := websocket.FormatCloseMessage(s.code, s.why)
			_ = s.conn.WriteControl(websocket.CloseMessage, message, time.Now().Add(time.Second))
			return
		}
	}
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
