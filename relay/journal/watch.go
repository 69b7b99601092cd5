package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// watchEvery is how often the embedded store is asked whether it still writes.
const watchEvery = 250 * time.Millisecond

// errStopped is why the embedded store writes nothing any more. It is for good: a
// file whose write or sync failed is not trusted again before the process is
// started anew.
var errStopped = errors.New("the store has stopped after a disk fault: free space or mend the disk, then start again")

// watch gives the embedded store up once a write has failed. The store itself
// answers such an append with silence, so that it and every later one would be
// waited for until patience ends, each webhook among them.
func (j *Journal) watch() {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for j.store.writes() {
		select {
		case <-j.ctx.Done():
			return
		case <-tick.C:
		}
	}
	j.stop(errStopped)
}

// stopped is nil as long as the store takes records.
func (j *Journal) stopped() error {
	select {
	case <-j.writing.Done():
		return errStopped
	default:
		return nil
	}
}

// writes reports whether the store runs and no write of its stream has failed. The
// server's monitoring knows; it is asked in this process and opens no port.
func (e *embedded) writes() bool {
	if !e.srv.JetStreamEnabled() {
		return false
	}
	var answer page
	e.srv.HandleHealthz(&answer, &http.Request{Method: http.MethodGet, URL: &url.URL{Path: "/healthz", RawQuery: "details=true"}})
	var health server.HealthStatus
	if json.Unmarshal(answer.Bytes(), &health) != nil {
		return true // not known to be otherwise
	}
	return !slices.ContainsFunc(health.Errors, func(e server.HealthzError) bool { return e.Type == server.HealthzErrorStream })
}

// page is what the server's monitoring writes on.
type page struct {
	bytes.Buffer
	header http.Header
}

func (p *page) Header() http.Header {
	if p.header == nil {
		p.header = http.Header{}
	}
	return p.header
}

func (*page) WriteHeader(int) {}
