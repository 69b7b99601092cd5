package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"callscreen/relay/wire"
)

// aliveEvery is the shortest time between two alive frames: a screen may call
// Alive with every frame it draws.
const aliveEvery = time.Second

// session is the life of one connection: a reader and a writer, of which the
// first error ends both.
type session struct {
	c     *Client
	conn  *websocket.Conn
	began time.Time

	// The reader's own.
	welcomed bool
	head     uint64 // the journal's end at the welcome: from here on we know what we missed

	mu     sync.Mutex // guards the ping between writer and reader
	ping   int
	pinged time.Time

	once  sync.Once
	cause error // what ended the session first
}

// run returns when the connection has ended and its goroutines have, with the
// reason in words for the operator.
func (s *session) run(ctx context.Context) error {
	select {
	case <-s.c.again: // asked before this link stood: it stands now
	default:
	}
	s.conn.SetPongHandler(s.ponged)
	s.conn.SetPingHandler(s.pingedBy)
	_ = s.conn.SetReadDeadline(s.began.Add(wire.PingEvery + wire.PongWithin))

	read := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		err := s.write(ctx, read)
		s.fail(err)
		if _, ours := errors.AsType[spoken](err); !ours {
			wait(read) // the close frame that says why may still be unread
		}
		_ = s.conn.Close() // ends the reader
	})
	err := s.read()
	s.fail(err)
	close(read) // ends the writer
	writer.Wait()
	return brokenBy(s.why(err))
}

// why is what ended the link: our own wish, else what the relay said of it, else
// whichever side failed first.
func (s *session) why(read error) error {
	if _, ours := errors.AsType[spoken](s.cause); ours {
		return s.cause
	}
	if said, ok := errors.AsType[*websocket.CloseError](read); ok {
		return said
	}
	return s.cause
}

func (s *session) fail(err error) {
	s.once.Do(func() { s.cause = err })
}

// read takes frames until the connection ends. The read deadline is moved by
// answered pings alone: a relay that talks but does not hear us is lost, too.
func (s *session) read() error {
	for {
		kind, data, err := s.conn.ReadMessage()
		if err != nil {
			return err
		}
		if kind != websocket.TextMessage {
			return errFrame
		}
		if err := s.take(data, time.Now()); err != nil {
			return err
		}
	}
}

// write is the only writer of messages. It ends when ctx does, after a close
// frame; when the reader does; or with its own error.
func (s *session) write(ctx context.Context, read <-chan struct{}) error {
	ping := time.NewTicker(wire.PingEvery)
	defer ping.Stop()
	if err := s.sendPing(); err != nil {
		return err
	}
	rest := time.NewTimer(0) // until the next alive may be written
	defer rest.Stop()
	rested := false
	paced := time.NewTimer(0) // until more may be asked of the relay
	defer paced.Stop()
	for {
		select {
		case <-ctx.Done():
			s.leave(read)
			return errLeft
		case <-read:
			return errLeft
		case <-s.c.again:
			s.leave(read)
			return errAgain
		case <-ping.C:
			if err := s.sendPing(); err != nil {
				return err
			}
		case <-rest.C:
			rested = true
		case <-paced.C:
		case <-s.c.work:
		}
		wait, err := s.sendWishes()
		if err != nil {
			return err
		}
		if wait > 0 {
			paced.Reset(wait)
		}
		if !rested {
			continue
		}
		if alive := s.c.takeAlive(); alive != nil {
			if err := s.send(*alive); err != nil {
				return err
			}
			rested = false
			rest.Reset(aliveEvery)
		}
	}
}

// sendWishes writes what operators want and the relay allows now. Where that is
// not all, it returns the wait until it allows more.
func (s *session) sendWishes() (time.Duration, error) {
	for {
		f, wait, ok := s.c.takeWish(time.Now())
		if !ok {
			return wait, nil
		}
		if err := s.send(f); err != nil {
			return 0, err
		}
	}
}

func (s *session) send(f wire.FromConsole) error {
	data, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("frame for the relay: %w", err)
	}
	if err := s.conn.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil {
		return err
	}
	return s.conn.WriteMessage(websocket.TextMessage, data)
}

// leave says goodbye and gives the relay a moment to answer.
func (s *session) leave(read <-chan struct{}) {
	bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	if s.conn.WriteControl(websocket.CloseMessage, bye, time.Now().Add(leaveWithin)) != nil {
		return
	}
	wait(read)
}

// wait gives the reader a moment to read what the relay said last.
func wait(read <-chan struct{}) {
	select {
	case <-read:
	case <-time.After(leaveWithin):
	}
}

func (s *session) sendPing() error {
	s.mu.Lock()
	s.ping++
	s.pinged = time.Now()
	payload, until := strconv.Itoa(s.ping), s.pinged.Add(wire.PongWithin)
	s.mu.Unlock()
	return s.conn.WriteControl(websocket.PingMessage, []byte(payload), until)
}

// ponged runs in the reader. Only the answer to the newest ping counts: an
// older one came after its time.
func (s *session) ponged(payload string) error {
	now := time.Now()
	s.mu.Lock()
	newest, sent := payload == strconv.Itoa(s.ping), s.pinged
	s.mu.Unlock()
	if !newest {
		return nil
	}
	s.c.heard(now, now.Sub(sent))
	return s.conn.SetReadDeadline(sent.Add(wire.PingEvery + wire.PongWithin))
}

// pingedBy runs in the reader: the relay makes sure of us, too.
func (s *session) pingedBy(payload string) error {
	s.c.heard(time.Now(), 0)
	err := s.conn.WriteControl(websocket.PongMessage, []byte(payload), time.Now().Add(time.Second))
	if errors.Is(err, websocket.ErrCloseSent) {
		return nil
	}
	return err
}

// heard notes that the relay is there; roundTrip is 0 where none was measured.
func (c *Client) heard(now time.Time, roundTrip time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.link.LastHeard = now
	if roundTrip > 0 {
		c.link.RoundTrip = roundTrip
	}
	if c.link.Up {
		c.tell()
	}
}
