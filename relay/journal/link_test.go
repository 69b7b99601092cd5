package journal_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"

	"callscreen/relay/journal"
)

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{}
	a.cert, a.key, a.pem = issue(t, nil, &x509.Certificate{Subject: pkix.Name{CommonName: "CA of the test"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

// issue makes a certificate by an authority, or by itself.
func issue(t *testing.T, by *authority, c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c.SerialNumber, c.NotBefore, c.NotAfter = big.NewInt(time.Now().UnixNano()), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := c, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// pair is a certificate for a name or address, and its key, as PEM.
func (a *authority) pair(t *testing.T, name string) (cert, key []byte) {
	t.Helper()
	c := &x509.Certificate{Subject: pkix.Name{CommonName: name}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	if ip := net.ParseIP(name); ip != nil {
		c.IPAddresses = []net.IP{ip}
	} else {
		c.DNSNames = []string{name}
	}
	_, private, cert := issue(t, a, c)
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return cert, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// guarded starts a server that asks for something.
func guarded(t *testing.T, change func(o *server.Options)) *server.Server {
	t.Helper()
	o := &server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: t.TempDir(), JetStreamMaxStore: 1 << 30,
	}
	change(o)
	srv, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	if !srv.ReadyForConnections(20 * time.Second) {
		t.Fatal("the test's NATS server did not start")
	}
	t.Cleanup(func() { stopServer(srv) })
	return srv
}

func secured(t *testing.T, a *authority, name string) func(o *server.Options) {
	t.Helper()
	cert, key := a.pair(t, name)
	own, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	return func(o *server.Options) {
		o.TLS, o.TLSTimeout = true, 5
		o.TLSConfig = &tls.Config{Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12}
	}
}

func address(srv *server.Server, scheme, user string) string {
	return scheme + "://" + user + srv.Addr().String()
}

// wantRefused opens a journal that must not open, and looks for a sentence that
// names no secret.
func wantRefused(t *testing.T, o journal.Options, want string) {
	t.Helper()
	began := time.Now()
	j, err := journal.Open(t.Context(), o)
	if err == nil {
		_ = j.Close()
		t.Fatalf("it opened; want %q", want)
	}
	if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %q, want %q", err, want)
	}
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("that took %v", took)
	}
}

func mustRecord(t *testing.T, o journal.Options) {
	t.Helper()
	j := mustOpen(t, o)
	before, _, err := j.Last(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	seq := mustAppend(t, j, "a", "x", before.Seq)
	if got := take(t, j, seq-1, 1); string(got[0].Data) != "x" {
		t.Errorf("%+v", got)
	}
}

func TestN06TheLinkIsTLSWithAServerThatTheCAVouchesFor(t *testing.T) {
	t.Parallel()
	ours, theirs := newAuthority(t), newAuthority(t)
	srv := guarded(t, secured(t, ours, "127.0.0.1"))
	mustRecord(t, journal.Options{URL: address(srv, "tls", ""), CA: ours.pem})
	mustRecord(t, journal.Options{URL: address(srv, "nats", ""), CA: ours.pem})
	wantRefused(t, journal.Options{URL: address(srv, "tls", ""), CA: theirs.pem}, "signed by nobody who is trusted; if it is the right server, name its CA with nats-ca-file")
	wantRefused(t, journal.Options{URL: address(srv, "tls", "")}, "name its CA with nats-ca-file")
	wantRefused(t, journal.Options{URL: address(srv, "tls", ""), CA: []byte("nothing")}, "holds none")
	other := guarded(t, secured(t, ours, "nats.example.com"))
	wantRefused(t, journal.Options{URL: address(other, "tls", ""), CA: ours.pem}, "its certificate is for another name")
}

func TestN06AServerThatOffersNoTLSIsRefusedWhereTLSWasAskedFor(t *testing.T) {
	t.Parallel()
	srv := startServer(t, t.TempDir(), 0)
	wantRefused(t, journal.Options{URL: address(srv, "tls", "")}, "it offers no TLS")
	wantRefused(t, journal.Options{URL: address(srv, "nats", ""), CA: newAuthority(t).pem}, "it offers no TLS")
}

func TestN06AServerMayAskForTheRelaysCertificate(t *testing.T) {
	t.Parallel()
	ours, theirs := newAuthority(t), newAuthority(t)
	srv := guarded(t, func(o *server.Options) {
		secured(t, ours, "127.0.0.1")(o)
		o.TLSConfig.ClientAuth, o.TLSConfig.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
		o.TLSConfig.ClientCAs.AddCert(ours.cert)
	})
	with := func(a *authority) func() ([]byte, []byte, error) {
		cert, key := a.pair(t, "relay")
		return func() ([]byte, []byte, error) { return cert, key, nil }
	}
	o := journal.Options{URL: address(srv, "tls", ""), CA: ours.pem}
	wantRefused(t, o, "set nats-tls-cert and nats-tls-key")
	o.Certificate = with(theirs)
	wantRefused(t, o, "set nats-tls-cert and nats-tls-key")
	o.Certificate = func() ([]byte, []byte, error) { return []byte("no"), []byte("pair"), nil }
	wantRefused(t, o, "the certificate for NATS: ")
	o.Certificate = with(ours)
	mustRecord(t, o)
}

func TestAUserOfNATSIsAdmittedByPasswordOrSaysWhyNot(t *testing.T) {
	t.Parallel()
	srv := guarded(t, func(o *server.Options) { o.Username, o.Password = "relay", "hunter2" })
	mustRecord(t, journal.Options{URL: address(srv, "nats", "relay:hunter2@")})
	for _, user := range []string{"", "relay:hunter21@", "other:hunter2@"} {
		wantRefused(t, journal.Options{URL: address(srv, "nats", user)}, "it does not admit this user; check nats-creds-file")
	}
}

// fileOf is a file that is read for each connection.
func fileOf(t *testing.T, content []byte) (path string, read func() ([]byte, error)) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "relay.creds")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, func() ([]byte, error) { return os.ReadFile(path) }
}

func seedOf(t *testing.T, pair nkeys.KeyPair) []byte {
	t.Helper()
	seed, err := pair.Seed()
	if err != nil {
		t.Fatal(err)
	}
	return seed
}

func publicOf(t *testing.T, pair nkeys.KeyPair) string {
	t.Helper()
	public, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return public
}

func made(t *testing.T, create func() (nkeys.KeyPair, error)) nkeys.KeyPair {
	t.Helper()
	pair, err := create()
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func TestAUserOfNATSIsAdmittedByAnNkeySeed(t *testing.T) {
	t.Parallel()
	ours, theirs := made(t, nkeys.CreateUser), made(t, nkeys.CreateUser)
	srv := guarded(t, func(o *server.Options) { o.Nkeys = []*server.NkeyUser{{Nkey: publicOf(t, ours)}} })
	for _, content := range [][]byte{seedOf(t, ours), append(seedOf(t, ours), "\r\n"...)} {
		_, read := fileOf(t, content)
		mustRecord(t, journal.Options{URL: address(srv, "nats", ""), Credentials: read})
	}
	_, read := fileOf(t, seedOf(t, theirs))
	wantRefused(t, journal.Options{URL: address(srv, "nats", ""), Credentials: read}, "it does not admit this user")
	for _, none := range [][]byte{nil, []byte("hunter2"), seedOf(t, made(t, nkeys.CreateAccount))} {
		_, read := fileOf(t, none)
		wantRefused(t, journal.Options{URL: address(srv, "nats", ""), Credentials: read}, "holds no seed of a user")
	}
	wantRefused(t, journal.Options{URL: address(srv, "nats", ""), Credentials: func() ([]byte, error) { return nil, errors.New("chmod 600") }}, "chmod 600")
}

// issuer is an operator of NATS with one account, who signs users.
type issuer struct {
	operator, account nkeys.KeyPair
}

// creds is a .creds file of a new user, good for so long.
func (i issuer) creds(t *testing.T, good time.Duration) []byte {
	t.Helper()
	user := made(t, nkeys.CreateUser)
	claims := jwt.NewUserClaims(publicOf(t, user))
	claims.Expires = time.Now().Add(good).Unix()
	token, err := claims.Encode(i.account)
	if err != nil {
		t.Fatal(err)
	}
	file, err := jwt.FormatUserConfig(token, seedOf(t, user))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func (i issuer) configure(t *testing.T, o *server.Options) {
	t.Helper()
	accounts, system := &server.MemAccResolver{}, made(t, nkeys.CreateAccount)
	for _, account := range []nkeys.KeyPair{i.account, system} {
		claims := jwt.NewAccountClaims(publicOf(t, account))
		if account == i.account {
			claims.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: jwt.NoLimit, DiskStorage: jwt.NoLimit, Streams: jwt.NoLimit, Consumer: jwt.NoLimit}
		}
		token, err := claims.Encode(i.operator)
		if err != nil {
			t.Fatal(err)
		}
		if err := accounts.Store(publicOf(t, account), token); err != nil {
			t.Fatal(err)
		}
	}
	o.TrustedKeys, o.AccountResolver, o.SystemAccount = []string{publicOf(t, i.operator)}, accounts, publicOf(t, system)
}

// The user's token is short-lived: the server hangs up at its end, and the file
// holds another by then.
func TestACredsFileIsReadAgainWhenItsTokenHasRunOut(t *testing.T) {
	t.Parallel()
	i := issuer{made(t, nkeys.CreateOperator), made(t, nkeys.CreateAccount)}
	srv := guarded(t, func(o *server.Options) { i.configure(t, o) })
	path, read := fileOf(t, i.creds(t, 3*time.Second))
	var reads atomic.Int32
	j := mustOpen(t, journal.Options{URL: address(srv, "nats", ""), Credentials: func() ([]byte, error) { reads.Add(1); return read() }})
	mustAppend(t, j, "a", "x", 0)
	eventually(t, "the token runs out", func() bool { return j.Healthy() != nil })
	// The client's own way is to give up for good when it is refused a second time.
	before := reads.Load()
	eventually(t, "it is refused several times", func() bool { return reads.Load() >= before+8 })
	if err := os.WriteFile(path, i.creds(t, time.Hour), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new one is used", func() bool { return j.Healthy() == nil })
	mustAppend(t, j, "b", "x", 0)

	_, stale := fileOf(t, i.creds(t, -time.Second))
	wantRefused(t, journal.Options{URL: address(srv, "nats", ""), Credentials: stale}, "it does not admit this user; check nats-creds-file")
}

// documented is the server that the README configures, on loopback and alone,
// with the authority that it is certified by and the seed of its user.
func documented(t *testing.T) (o *server.Options, a *authority, seed []byte) {
	t.Helper()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(readme), "<!-- begin nats -->\n```\n")
	text, _, found := strings.Cut(text, "```\n<!-- end nats -->")
	if !found {
		t.Fatal("the README configures no NATS server")
	}
	dir, user := t.TempDir(), made(t, nkeys.CreateUser)
	a = newAuthority(t)
	cert, key := a.pair(t, "127.0.0.1")
	for name, content := range map[string][]byte{"n1.pem": cert, "n1-key.pem": key, "ca.pem": a.pem} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text = strings.ReplaceAll(text, "/etc/nats/", filepath.ToSlash(dir)+"/")
	text = regexp.MustCompile(`"U[A-Z0-9]{55}"`).ReplaceAllString(text, `"`+publicOf(t, user)+`"`)
	file := filepath.Join(dir, "nats.conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if o, err = server.ProcessConfigFile(file); err != nil {
		t.Fatal(err)
	}
	o.Host, o.Port, o.HTTPHost, o.HTTPPort = "127.0.0.1", server.RANDOM_PORT, "127.0.0.1", server.RANDOM_PORT
	o.StoreDir, o.Cluster, o.Routes, o.NoSigs, o.NoLog = filepath.Join(dir, "store"), server.ClusterOpts{}, nil, true, true
	return o, a, seedOf(t, user)
}

// needs are the permissions of a relay, as the README lists them.
func needs(t *testing.T) (publish, subscribe []string) {
	t.Helper()
	o, _, _ := documented(t)
	p := o.Nkeys[0].Permissions
	return p.Publish.Allow, p.Subscribe.Allow
}

func TestN06TheServerOfTheREADMESyncsAndAdmitsARelayToItsOwnAccountAlone(t *testing.T) {
	t.Parallel()
	o, a, seed := documented(t)
	if o.Nkeys[0].Account.Name != "CALLSCREEN" || len(o.Nkeys) != 1 || len(o.Users) != 0 || o.TLSConfig == nil || o.NoAuthUser != "" {
		t.Errorf("it admits %+v", o.Nkeys)
	}
	srv := guarded(t, func(into *server.Options) { *into = *o })
	_, read := fileOf(t, seed)
	relay := journal.Options{URL: address(srv, "tls", ""), CA: a.pem, Credentials: read, Monitors: []string{"http://" + srv.MonitorAddr().String()}}
	mustRecord(t, relay)
	if got := mustOpen(t, relay).Describe(); got != "external, 1 replica, synced before acknowledged: advised are 3 replicas" {
		t.Errorf("described as %q", got)
	}
	relay.Credentials = nil
	wantRefused(t, relay, "it does not admit this user")
}

func without(list []string, one string) (rest []string) {
	for _, s := range list {
		if s != one {
			rest = append(rest, s)
		}
	}
	return rest
}

// permitted is a server whose user may do just this.
func permitted(t *testing.T, publish, subscribe []string) journal.Options {
	t.Helper()
	srv := guarded(t, func(o *server.Options) {
		o.Users = []*server.User{{Username: "relay", Password: "hunter2", Permissions: &server.Permissions{
			Publish: &server.SubjectPermission{Allow: publish}, Subscribe: &server.SubjectPermission{Allow: subscribe},
		}}}
	})
	return journal.Options{URL: address(srv, "nats", "relay:hunter2@")}
}

func TestN06ARelayNeedsNoMoreThanTheDocumentedPermissions(t *testing.T) {
	t.Parallel()
	publish, subscribe := needs(t)
	mustRecord(t, permitted(t, publish, subscribe))
}

func TestN06AMissingPermissionIsNamedAtTheStart(t *testing.T) {
	t.Parallel()
	publish, subscribe := needs(t)
	if len(publish) != 8 {
		t.Errorf("%d permissions", len(publish))
	}
	for _, missing := range publish {
		t.Run(missing, func(t *testing.T) {
			t.Parallel()
			subject := strings.TrimRight(missing, "*>")
			wantRefused(t, permitted(t, without(publish, missing), subscribe), `the NATS user may not publish to "`+subject)
		})
	}
	for _, missing := range subscribe {
		t.Run("to hear "+missing, func(t *testing.T) {
			t.Parallel()
			subject := strings.TrimRight(missing, "*>")
			wantRefused(t, permitted(t, publish, without(subscribe, missing)), `the NATS user may not subscribe to "`+subject)
		})
	}
}
