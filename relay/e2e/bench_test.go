package e2e

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"callscreen/graph"
	"callscreen/graph/simulator"
	"callscreen/relay"
	"callscreen/relay/call"
	"callscreen/relay/journal"
	"callscreen/relay/operator"
	"callscreen/relay/wire"
)

// These benchmarks report; nothing fails by them. They measure the whole way
// with the real parts, beside the least that any such program must do, in the
// same run: compare ratios, not absolute times.

// spread reports the middle and the tail of some spans.
func spread(b *testing.B, spans []time.Duration) {
	b.Helper()
	slices.Sort(spans)
	at := func(q float64) float64 { return float64(spans[int(q*float64(len(spans)-1))].Microseconds()) }
	b.ReportMetric(at(0.50), "p50-µs")
	b.ReportMetric(at(0.99), "p99-µs")
}

// bench is a relay in this process with the real checks, the real journal and
// a simulated Microsoft behind real https.
type bench struct {
	url     string
	token   string // of an operator
	bearer  string // of a notification
	rejects chan time.Time
	rounds  int // of calls that rang together
}

// newBench is a relay that syncs its journal or not, and whose calls ring so long.
func newBench(b testing.TB, sync bool, ring time.Duration) *bench {
	b.Helper()
	none := simulator.Latency{}
	sim, err := simulator.New(simulator.Options{Seed: 1, RejectLatency: &none})
	check(b, err)
	b.Cleanup(sim.Close)
	out := &bench{rejects: make(chan time.Time, 1)}
	microsoft := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/reject") {
			out.rejects <- time.Now()
		}
		sim.Handler().ServeHTTP(w, r)
	}))
	b.Cleanup(microsoft.Close)
	roots := x509.NewCertPool()
	roots.AddCert(microsoft.Certificate())
	outward, quiet := graph.HTTPClient(roots), slog.New(slog.DiscardHandler)

	auth, err := graph.NewAuthenticator(graph.AuthenticatorOptions{
		MetadataURL: microsoft.URL + "/v1/.well-known/OpenIdConfiguration", Issuers: []string{simulator.CallbackIssuer},
		AppID: simulator.DemoAppID, HTTP: outward, Logger: quiet,
	})
	check(b, err)
	credential, err := graph.ClientSecret(simulator.DemoSecret)
	check(b, err)
	tokens, err := graph.NewTokens(graph.TokensOptions{
		Authority: microsoft.URL, Scope: microsoft.URL + "/.default", ClientID: simulator.DemoAppID,
		Tenant: simulator.DemoTenantID, Credential: credential, HTTP: outward, Logger: quiet,
	})
	check(b, err)
	rejecter, err := graph.NewClient(graph.ClientOptions{Root: microsoft.URL, Version: "v1.0", Tokens: tokens, HTTP: outward, Logger: quiet})
	check(b, err)
	dir := b.TempDir()
	record, err := journal.Open(b.Context(), journal.Options{Dir: filepath.Join(dir, "journal"), NoSync: !sync, Logger: quiet})
	check(b, err)
	operators, err := operator.Open(dir)
	check(b, err)
	out.token, err = operators.Add("ana", operator.Grant{})
	check(b, err)
	server := relay.New(relay.Options{
		Journal: record, Auth: auth, Graph: rejecter, Tokens: tokens, Operators: operators, Logger: quiet,
		WebhookPath: "/api/calls", RingTimeout: ring, RejectMargin: 500 * time.Millisecond,
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	check(b, err)
	out.url = ln.Addr().String()
	out.bearer = sim.Sign(nil)
	serve(b, auth.Run, tokens.Run, func(ctx context.Context) error { return server.Run(ctx, ln) })
	b.Cleanup(func() { _ = record.Close() })
	for server.Ready() != nil {
		time.Sleep(time.Millisecond)
	}
	return out
}

// serve runs parts until the benchmark ends.
func serve(b testing.TB, run ...func(context.Context) error) {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for _, r := range run {
		all.Go(func() { _ = r(ctx) })
	}
	b.Cleanup(func() { cancel(); all.Wait() })
}

func check(b testing.TB, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// dial sits down as a console and passes the welcome over.
func (x *bench) dial(b *testing.B) *websocket.Conn {
	b.Helper()
	d := websocket.Dialer{Subprotocols: []string{wire.Subprotocol}}
	conn, resp, err := d.DialContext(b.Context(), "ws://"+x.url+"/v1/stream", http.Header{"Authorization": {"Bearer " + x.token}})
	check(b, err)
	_ = resp.Body.Close()
	b.Cleanup(func() { _ = conn.Close() })
	return conn
}

// awaitFrame reads on to a frame that holds a text.
func awaitFrame(b *testing.B, conn *websocket.Conn, text string) []byte {
	b.Helper()
	for {
		_, raw, err := conn.ReadMessage()
		check(b, err)
		if strings.Contains(string(raw), text) {
			return raw
		}
	}
}

func ring(id string) string { return notification(id, "created", "Alice Meyer") }

// notification tells of a call that rings, by its id and the name of who calls.
func notification(id, change, name string) string {
	return fmt.Sprintf(`{"value":[{"changeType":"%s","resourceUrl":"/communications/calls/%s","resourceData":{`+
		`"@odata.type":"#microsoft.graph.call","state":"incoming","direction":"incoming","tenantId":"%s",`+
		`"source":{"identity":{"user":{"id":"u-1","displayName":"%s","tenantId":"%s"}},"region":null},`+
		`"targets":[{"identity":{"application":{"id":"b-1","displayName":"Reception bot"}}}],`+
		`"requestedModalities":["audio"],"callChainId":"chain-%s"}}]}`, change, id, simulator.DemoTenantID, name, simulator.DemoTenantID, id)
}

func post(b *testing.B, url, bearer, body string) {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, url, strings.NewReader(body))
	check(b, err)
	req.Header.Set("Authorization", "Bearer "+bearer)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	check(b, err)
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		b.Fatalf("status %d", resp.StatusCode)
	}
}

// BenchmarkWebhookToConsole measures from the POST of a notification until a
// console has its frame: "floor" is a bare handler that writes the same bytes
// to one connection, the others are the relay without and with the sync.
func BenchmarkWebhookToConsole(b *testing.B) {
	b.Run("floor", func(b *testing.B) {
		url, conn := floor(b)
		measure(b, url, "none", conn)
	})
	for _, sync := range []bool{false, true} {
		b.Run(map[bool]string{false: "relay-unsynced", true: "relay-synced"}[sync], func(b *testing.B) {
			x := newBench(b, sync, 15*time.Second)
			measure(b, "http://"+x.url+"/api/calls", x.bearer, x.dial(b))
		})
	}
}

func measure(b *testing.B, url, bearer string, conn *websocket.Conn) {
	b.Helper()
	var spans []time.Duration
	for i := 0; b.Loop(); i++ {
		id := fmt.Sprintf("c%d", i)
		began := time.Now()
		got := make(chan time.Duration, 1)
		go func() {
			awaitFrame(b, conn, id+`"`)
			got <- time.Since(began)
		}()
		post(b, url, bearer, ring(id))
		spans = append(spans, <-got)
	}
	spread(b, spans)
}

// floor is the least that any program of this kind does.
func floor(b *testing.B) (url string, console *websocket.Conn) {
	b.Helper()
	var up websocket.Upgrader
	sat := make(chan *websocket.Conn, 1)
	var conn *websocket.Conn
	mux := http.NewServeMux()
	mux.HandleFunc("/v1/stream", func(w http.ResponseWriter, r *http.Request) {
		c, err := up.Upgrade(w, r, nil)
		if err == nil {
			sat <- c
		}
	})
	mux.HandleFunc("/api/calls", func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		_ = conn.WriteMessage(websocket.TextMessage, raw) // about as many bytes as our frame
		w.WriteHeader(http.StatusAccepted)
	})
	srv := httptest.NewServer(mux)
	b.Cleanup(srv.Close)
	console, resp, err := websocket.DefaultDialer.DialContext(b.Context(), "ws"+srv.URL[len("http"):]+"/v1/stream", nil)
	check(b, err)
	_ = resp.Body.Close()
	conn = <-sat
	b.Cleanup(func() { _ = console.Close() })
	return srv.URL + "/api/calls", console
}

// BenchmarkKeyToReject measures from the moment a console sends a decision
// until the request for it has arrived at Graph.
func BenchmarkKeyToReject(b *testing.B) {
	x := newBench(b, true, 15*time.Second)
	conn := x.dial(b)
	var spans []time.Duration
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		id := fmt.Sprintf("k%d", i)
		post(b, "http://"+x.url+"/api/calls", x.bearer, ring(id))
		awaitFrame(b, conn, id+`"`)
		frame, err := json.Marshal(wire.FromConsole{Kind: wire.KindReject, Request: id, Call: call.ID(id), Reason: "busy"})
		check(b, err)
		b.StartTimer()
		began := time.Now()
		check(b, conn.WriteMessage(websocket.TextMessage, frame))
		spans = append(spans, (<-x.rejects).Sub(began))
	}
	spread(b, spans)
}
