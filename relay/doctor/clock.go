package doctor

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// How wrong a clock may be. Five minutes are what the check of notification
// tokens forgives, here as in Microsoft's own libraries.
const (
	skewWarning = 30 * time.Second
	skewWrong   = 5 * time.Minute
)

// witness sees every answer that comes to a client, for the time it tells.
type witness struct {
	next http.RoundTripper
	now  func() time.Time

	mu      sync.Mutex
	reading *reading // of the quickest answer
}

// reading is another's clock against ours.
type reading struct {
	host  string
	ahead time.Duration // ours of theirs
	trip  time.Duration // of request and answer; the shorter, the surer
}

// observe copies a client so that its answers are seen.
func observe(c *http.Client, now func() time.Time) (*witness, *http.Client) {
	seen := http.Client{Timeout: 10 * time.Second}
	if c != nil {
		seen = *c
	}
	w := &witness{next: seen.Transport, now: now}
	if w.next == nil {
		w.next = http.DefaultTransport
	}
	seen.Transport = w
	return w, &seen
}

// RoundTrip implements http.RoundTripper.
func (w *witness) RoundTrip(r *http.Request) (*http.Response, error) {
	began := w.now()
	resp, err := w.next.RoundTrip(r)
	if err == nil {
		w.see(r.URL.Host, resp.Header, began, w.now())
	}
	return resp, err
}

// see takes the time that an answer tells. One from a cache tells an old one.
func (w *witness) see(host string, h http.Header, began, ended time.Time) {
	at, err := http.ParseTime(h.Get("Date"))
	if err != nil || h.Get("Age") != "" {
		return
	}
	trip := ended.Sub(began)
	// The answer was written in between, and its time is cut to the second.
	ahead := began.Add(trip / 2).Sub(at.Add(500 * time.Millisecond))
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.reading == nil || trip < w.reading.trip {
		w.reading = &reading{host, ahead, trip}
	}
}

// CloseIdleConnections lets http.Client.CloseIdleConnections reach the base.
func (w *witness) CloseIdleConnections() {
	if c, ok := w.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

func (x *examination) clock(context.Context) []Finding {
	x.witness.mu.Lock()
	defer x.witness.mu.Unlock()
	r := x.witness.reading
	if r == nil {
		return notChecked("no answer of Microsoft's told the time")
	}
	const mend = "set this machine's clock, and keep it right with NTP (Linux: timedatectl set-ntp true)"
	off, way := r.ahead.Abs().Round(time.Second), "ahead of"
	if r.ahead < 0 {
		way = "behind"
	}
	switch {
	case r.ahead.Abs() > skewWrong:
		return found(Wrong, mend, "this machine's clock is %v %s that of %s: notifications are refused, because their tokens seem to have expired or not to have begun", off, way, r.host)
	case r.ahead.Abs() > skewWarning:
		return found(Warning, mend, "this machine's clock is %v %s that of %s; from 5 minutes on notifications are refused", off, way, r.host)
	}
	return good("right within %v, by the answers of %s", max(time.Second, off), r.host)
}
