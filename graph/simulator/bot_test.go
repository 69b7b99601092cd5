package simulator

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const testHost = "127.0.0.1:9443"

// bot is a calling bot's webhook that trusts nothing but the published keys. It is also a RoundTripper, so
// that a simulator in a synctest bubble reaches it without a socket.
type bot struct {
	t   *testing.T
	sim *Simulator
	// answers are given in turn, 202 after the last; delay is waited before each.
	answers []int
	delay   time.Duration

	mu      sync.Mutex
	seen    []notice
	refused int
	busy    int
	busiest int
}

// notice is a notification the bot accepted.
type notice struct {
	at       time.Time
	change   string // created, deleted, legacy
	id       string
	data     map[string]any
	item     map[string]any
	raw      string
	tenant   string
	envelope map[string]any
}

// keyPool has as many keys as the longest story here needs in one simulator.
var keyPool = sync.OnceValue(func() (keys [3]*rsa.PrivateKey) {
	for i := range keys {
		key, err := rsa.GenerateKey(rand.Reader, keyBits)
		if err != nil {
			panic(err)
		}
		keys[i] = key
	}
	return keys
})

var poolNext atomic.Uint32

func pooledKey() (*rsa.PrivateKey, error) {
	keys := keyPool()
	return keys[poolNext.Add(1)%uint32(len(keys))], nil
}

// newWorld is a simulator without latencies, and a bot it reaches without a socket.
func newWorld(t *testing.T, opts Options) (*Simulator, *bot) {
	t.Helper()
	b := &bot{t: t}
	opts.newKey = pooledKey
	opts.Transport, opts.Webhook = b, "http://127.0.0.1:8080/api/calls"
	if opts.RejectLatency == nil {
		opts.RejectLatency = &Latency{}
	}
	if opts.DeletedLatency == nil {
		opts.DeletedLatency = &Latency{}
	}
	sim, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	b.sim = sim
	return sim, b
}

func (b *bot) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return w.Result(), nil
}

func (b *bot) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	b.busy++
	b.busiest = max(b.busiest, b.busy)
	b.mu.Unlock()
	defer func() { b.mu.Lock(); b.busy--; b.mu.Unlock() }()
	if b.delay > 0 {
		select {
		case <-time.After(b.delay):
		case <-r.Context().Done():
			return
		}
	}
	body, err := io.ReadAll(r.Body)
	claims, bad := b.verify(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil || bad != nil {
		b.refused++
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	n := parseNotice(b.t, body)
	n.at, n.tenant = time.Now(), fmt.Sprint(claims["tid"])
	b.seen = append(b.seen, n)
	status := http.StatusAccepted
	if n.change == "legacy" {
		status = http.StatusNoContent
	}
	if len(b.answers) > 0 {
		status, b.answers = b.answers[0], b.answers[1:]
	}
	w.WriteHeader(status)
}

// verify is what a careful bot does with a callback token.
func (b *bot) verify(token string, extra ...jwt.ParserOption) (jwt.MapClaims, error) {
	claims := jwt.MapClaims{}
	options := append([]jwt.ParserOption{
		jwt.WithValidMethods([]string{"RS256"}), jwt.WithExpirationRequired(), jwt.WithNotBeforeRequired(),
		jwt.WithIssuer("https://api.botframework.com"), jwt.WithAudience(b.sim.opts.AppID),
	}, extra...)
	_, err := jwt.ParseWithClaims(token, claims, b.key, options...)
	return claims, err
}

// key finds a token's key the way a bot does: metadata, jwks_uri, kid.
func (b *bot) key(token *jwt.Token) (any, error) {
	var meta struct {
		Keys string `json:"jwks_uri"`
	}
	b.get("/v1/.well-known/OpenIdConfiguration", &meta)
	path, ok := strings.CutPrefix(meta.Keys, "https://"+testHost)
	if !ok {
		return nil, fmt.Errorf("jwks_uri %q", meta.Keys)
	}
	var set struct {
		Keys []jwk `json:"keys"`
	}
	b.get(path, &set)
	for _, k := range set.Keys {
		if k.Kid == token.Header["kid"] {
			n, errN := base64.RawURLEncoding.DecodeString(k.N)
			e, errE := base64.RawURLEncoding.DecodeString(k.E)
			return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}, errors.Join(errN, errE)
		}
	}
	return nil, errors.New("unknown kid")
}

func (b *bot) get(path string, into any) {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "https://"+testHost+path, nil)
	b.sim.Handler().ServeHTTP(w, r)
	if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
		b.t.Errorf("GET %s: %v", path, err)
	}
}

func parseNotice(t *testing.T, body []byte) notice {
	t.Helper()
	n := notice{raw: string(body)}
	if err := json.Unmarshal(body, &n.envelope); err != nil {
		t.Errorf("notification is no JSON: %v", err)
		return n
	}
	if _, ok := n.envelope["callState"]; ok {
		n.change, n.id = "legacy", fmt.Sprint(n.envelope["id"])
		return n
	}
	n.item = n.envelope
	if value, ok := n.envelope["value"].([]any); ok {
		n.item, _ = value[0].(map[string]any)
	}
	n.change, _ = n.item["changeType"].(string)
	n.data, _ = n.item["resourceData"].(map[string]any)
	path, ok := n.item["resourceUrl"].(string)
	if !ok {
		path, _ = n.item["resource"].(string)
	}
	n.id = path[strings.LastIndex(path, "/")+1:]
	return n
}

func (b *bot) notices() []notice {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]notice(nil), b.seen...)
}

// changes is what the bot heard, as one line.
func (b *bot) changes() string {
	var words []string
	for _, n := range b.notices() {
		words = append(words, n.change)
	}
	return strings.Join(words, " ")
}

// answered is an answer of the simulator's; aborted says that there was none.
type answered struct {
	*http.Response

	body    string
	aborted bool
}

// send asks the simulator without a socket.
func send(t *testing.T, s *Simulator, r *http.Request) (a answered) {
	t.Helper()
	w := httptest.NewRecorder()
	func() {
		defer func() {
			if p := recover(); p != nil {
				if p != http.ErrAbortHandler { //nolint:errorlint // a panic value, compared as net/http does
					panic(p)
				}
				a.aborted = true
			}
		}()
		s.Handler().ServeHTTP(w, r)
	}()
	a.Response = w.Result()
	_ = a.Body.Close()
	a.body = w.Body.String()
	return a
}

func request(method, path, body string) *http.Request {
	r := httptest.NewRequest(method, "https://"+testHost+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

func rejectRequest(s *Simulator, id, body string) *http.Request {
	r := request(http.MethodPost, "/v1.0/communications/calls/"+id+"/reject", body)
	r.Header.Set("Authorization", "Bearer "+bearer(s))
	return r
}

func bearer(s *Simulator) string {
	token, err := s.entra.token(s.opts.TenantID, s.opts.AppID, "https://"+testHost, grantedRoles)
	if err != nil {
		panic(err)
	}
	return token
}

func place(t *testing.T, s *Simulator, spec CallSpec) string {
	t.Helper()
	id, err := s.Place(t.Context(), spec)
	if err != nil {
		t.Fatalf("place %+v: %v", spec, err)
	}
	return id
}

const busy = `{"reason":"busy"}`
