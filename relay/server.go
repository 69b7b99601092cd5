package relay

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	gopath "path"
	"runtime/debug"
	"sync"
	"time"

	"callscreen/graph"
	"callscreen/relay/call"
	"callscreen/relay/journal"
	"callscreen/relay/wire"
)

const (
	// headerBytes bounds a request's headers; a token is at most 8 KiB of them.
	headerBytes = 16 << 10
	// defaultMaxBody is ample: notifications seen have 350 to 5,000 bytes.
	defaultMaxBody = 256 << 10
)

// Journal is the record that everything is appended to before it is shown or
// answered; package journal keeps it, and the contract of each method is there.
type Journal interface {
	Epoch() string
	Head(ctx context.Context) (first, last uint64, err error)
	Append(ctx context.Context, key string, data []byte, expectedLast uint64) (seq uint64, err error)
	Last(ctx context.Context, key string) (journal.Record, bool, error)
	Follow(ctx context.Context, after uint64, fn func(journal.Record) error) error
	Before(ctx context.Context, t time.Time) (seq uint64, err error)
	Healthy() error
}

// Authenticator checks that a notification comes from Microsoft.
type Authenticator interface {
	Authenticate(ctx context.Context, h http.Header) (graph.Sender, error)
	Ready() error
}

// Rejecter rejects calls at Graph.
type Rejecter interface {
	Reject(ctx context.Context, r graph.Rejection) (graph.Receipt, error)
}

// Tokens keeps the outbound tokens that a rejecter uses warm.
type Tokens interface {
	Warm(tenant string)
	Ready() error
}

// Operators knows whose token is whose.
type Operators interface {
	// Authenticate tells whose token it is; ok is false for nobody's and for one
	// that is void by now. An error means that the list could not be read and
	// nothing can be said.
	Authenticate(token string) (who call.Operator, ok bool, err error)
}

// Certificate is the relay's own; package cert keeps it valid while it serves.
type Certificate interface {
	TLS() *tls.Config
	Ready() error
}

// Options are the parts and the settings of a relay. All parts are required;
// the server uses them and closes none.
type Options struct {
	Journal   Journal
	Auth      Authenticator
	Graph     Rejecter
	Tokens    Tokens
	Operators Operators
	Logger    *slog.Logger

	WebhookPath  string
	Bot          string        // what the relay calls itself on the screens
	RingTimeout  time.Duration // Graph v1.0, call: reject: 15 s
	RejectMargin time.Duration // decisions end this much before the ring timeout
	Undo         time.Duration // how long a console's decision can be taken back; 0 = not at all
	MaxBody      int64         // of a notification in bytes; 0 = 256 KiB
	Shared       bool          // other relays write to the same journal
	Gossip       Gossip        // to them; nil: there are none, or nobody asks who is watching there
	Unattended   Policy        // what becomes of a call while nobody is watching; "" = LetRing
	OnCall       OnCall        // asked about every call; nil: nobody is
	Limits       Limits        // what consoles may cost; zero fields are the defaults
	Certificate  Certificate   // nil: plain HTTP, for loopback and behind a tunnel
	// Notice tells what else operators should know of this relay, in a few words,
	// at this moment; nil: nothing. It must not wait.
	Notice    func() string
	OwnHealth bool // health and metrics are served by ServeHealth, and nowhere else
}

// Server is one relay. Make it with [New], run it once with [Server.Run].
type Server struct {
	opts Options
	log  *slog.Logger
	id   string // of this running relay; a restart is another one

	desk     *desk
	answers  *answers
	metrics  *metrics
	turns    turns
	failures *failures
	scripts  *scripts

	base context.Context // for decisions: they end by their own deadlines, not with Run's context
	hush *hush

	leaving   chan struct{} // closed when going down begins
	advised   chan struct{} // holds one: there is new advice
	histories chan struct{} // holds one for each that is read

	// Under mu, which is taken after the desk's, never before.
	mu       sync.Mutex
	stopping bool           // nothing new begins
	work     sync.WaitGroup // decisions under way; Add only while not stopping
	consoles sync.WaitGroup // seats taken; likewise
	claims   map[[2]string]bool
	advice   map[string]advice // by call, while Unattended is AskRun
}

// New makes a relay of its parts. Nothing runs yet.
func New(o Options) *Server {
	if o.MaxBody == 0 {
		o.MaxBody = defaultMaxBody
	}
	o.Limits = o.Limits.withDefaults()
	s := &Server{
		opts: o, log: o.Logger, id: newID(), base: context.Background(),
		answers: &answers{kept: map[[2]string]*pending{}}, claims: map[[2]string]bool{}, hush: newHush(o.Logger),
		leaving: make(chan struct{}), advised: make(chan struct{}, 1), advice: map[string]advice{}, turns: newTurns(webhooksAtOnce, webhooksWaiting), failures: newFailures(), scripts: newScripts(o.Limits),
		histories: make(chan struct{}, historiesAtOnce),
	}
	s.desk = newDesk(o.Journal.Epoch(), o.Limits, o.Logger, s.due)
	if o.Notice != nil {
		s.desk.notice = o.Notice
	}
	s.metrics = newMetrics(s.desk)
	return s
}

// httpServer has a bound for every wait, and for how many wait (P-02). A console's
// socket has its own from the upgrade on.
func (s *Server) httpServer(handler http.Handler) *http.Server {
	bound := newConnections(connectionsAtOnce)
	return &http.Server{
		Handler:           bound.answering(handler),
		ReadHeaderTimeout: 3 * time.Second,
		ReadTimeout:       readWithin,
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    headerBytes,
		ConnState:         bound.track,
		ConnContext:       withConn,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

// Handler is everything the relay serves over HTTP on its own port.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+s.opts.WebhookPath, s.handleWebhook)
	mux.HandleFunc("GET /v1/stream", s.handleStream)
	mux.HandleFunc("GET "+historyPath, s.handleHistory)
	mux.HandleFunc("POST /v1/calls/{id}/reject", s.handleReject)
	if !s.opts.OwnHealth {
		for _, path := range healthPaths {
			mux.Handle("GET "+path, localOnly(s.health()))
		}
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == s.opts.WebhookPath {
			w.Header().Set("Allow", http.MethodPost)
			problem(w, http.StatusMethodNotAllowed, "The webhook takes POST.")
			return
		}
		notFound(w, r)
	})
	return s.guarded(mux)
}

// guarded is what every request passes first.
func (s *Server) guarded(mux http.Handler) http.Handler {
	return identified(s.recovering(exactPath(mux)))
}

func notFound(w http.ResponseWriter, _ *http.Request) {
	problem(w, http.StatusNotFound, "Nothing is served at this address.")
}

// exactPath keeps the mux from redirecting paths such as //api/calls: a client
// that follows would send its token along. A request that names a whole address
// was meant for a proxy.
func exactPath(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path := r.URL.Path; path == "" || path[0] != '/' || path != gopath.Clean(path) || r.URL.RawPath != "" ||
			r.RequestURI != "" && r.RequestURI[0] != '/' {
			notFound(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// recovering keeps one bad request from ending the relay. The stack goes to our
// log; the answer says nothing.
func (s *Server) recovering(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p == http.ErrAbortHandler { //nolint:errorlint // a panic's value, compared as net/http does
				panic(p)
			} else if p != nil {
				s.metrics.panics.Inc()
				s.log.Error("a request ended in a panic", "request", w.Header().Get(requestID), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
				problem(w, http.StatusInternalServerError, "The relay met an error of its own.")
			}
		}()
		w.Header().Set(wire.RelayHeader, s.id)
		next.ServeHTTP(w, r)
	})
}

// Look returns what the relay knows of a call.
func (s *Server) Look(id call.ID) (call.Call, bool) { return s.desk.look(id) }

func newID() string { return rand.Text() }
