package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"callscreen/relay/history"
)

const (
	// historySilence is how long the relay may say nothing: it may have to read a
	// month of records before the first row.
	historySilence = time.Minute
	// maxRow bounds one row.
	maxRow = 256 << 10
)

// History reads what was decided, GET /v1/history, and hands each row on as it
// comes. Of several relays the first that answers is asked: they share one
// journal. An error is in words; rows before it were handed on.
func History(ctx context.Context, o Options, q history.Query, row func(history.Row) error) error {
	c, err := New(o)
	if err != nil {
		return err
	}
	if err := q.Check(); err != nil {
		return err
	}
	var failed []error
	for _, relay := range c.relays {
		begun, err := c.history(ctx, relay, q, row)
		if err == nil || begun {
			return err
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// history asks one relay; begun says that it gave an answer.
func (c *Client) history(ctx context.Context, relay *url.URL, q history.Query, row func(history.Row) error) (begun bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	silent := time.AfterFunc(historySilence, cancel)
	defer silent.Stop()
	to := relay.JoinPath("v1/history")
	to.RawQuery = q.Values().Encode()
	req, err := c.request(ctx, http.MethodGet, to, nil)
	if err != nil {
		return false, err
	}
	hc := c.httpClient(relay)
	defer hc.CloseIdleConnections()
	resp, err := hc.Do(req)
	if err != nil {
		return false, fmt.Errorf("%w; the history is read through a running relay: start it with callscreen relay, or name another with --relay",
			unreachable(relay.Host, err))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return false, refusal(relay.Host, resp)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxRow)
	for lines.Scan() {
		silent.Reset(historySilence)
		var r history.Row
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil || r.Call == "" {
			return true, fmt.Errorf("the relay at %s sent what is no row of a history", relay.Host)
		}
		if err := row(r); err != nil {
			return true, err
		}
	}
	if lines.Err() != nil && !silent.Stop() {
		return true, fmt.Errorf("the relay at %s fell silent: what came before is not all of the history", relay.Host)
	}
	if lines.Err() != nil {
		return true, fmt.Errorf("the history from the relay at %s broke off: what came before is not all of it", relay.Host)
	}
	return true, nil
}
