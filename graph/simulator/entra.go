package simulator

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

const (
	accessLife  = 3599 * time.Second // what Entra says
	maxFormBody = 64 << 10
)

// graphRoots are the roots whose scope the simulated Entra knows besides the one it is reached under.
var graphRoots = []string{"https://graph.microsoft.com", "https://graph.microsoft.us", "https://dod-graph.microsoft.us"}

// grantedRoles are the permissions that the bot has in its tenant.
var grantedRoles = []string{"Calls.Initiate.All", "Calls.InitiateGroupCall.All"}

// entraKey signs access tokens. To a bot these are opaque, so the key is of another sort than that of the
// callbacks: neither token can pass for the other.
type entraKey struct{ private *ecdsa.PrivateKey }

func newEntraKey() (*entraKey, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("simulator: entra key: %w", err)
	}
	return &entraKey{private}, nil
}

// accessClaims are what the simulated Graph looks at.
type accessClaims struct {
	jwt.RegisteredClaims

	Tenant string   `json:"tid"`
	App    string   `json:"appid"`
	Roles  []string `json:"roles"`
}

func (k *entraKey) token(tenant, app, audience string, roles []string) (string, error) {
	now := time.Now()
	return jwt.NewWithClaims(jwt.SigningMethodES256, accessClaims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: "https://sts.windows.net/" + tenant + "/", Audience: jwt.ClaimStrings{audience},
			IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(now.Add(accessLife)),
		},
		Tenant: tenant, App: app, Roles: roles,
	}).SignedString(k.private)
}

// verify judges an Authorization header as Graph's front door does. host is where the request came to.
func (k *entraKey) verify(header []string, host string) (*accessClaims, error) {
	if len(header) != 1 {
		return nil, errors.New("access token is empty")
	}
	scheme, text, _ := strings.Cut(header[0], " ")
	if !strings.EqualFold(scheme, "Bearer") || text == "" {
		return nil, errors.New("access token is empty")
	}
	claims := &accessClaims{}
	if _, err := jwt.ParseWithClaims(text, claims, func(*jwt.Token) (any, error) { return k.private.Public(), nil },
		jwt.WithValidMethods([]string{"ES256"}), jwt.WithExpirationRequired()); err != nil {
		if errors.Is(err, jwt.ErrTokenExpired) {
			return nil, errors.New("lifetime validation failed, the token is expired")
		}
		return nil, errors.New("access token validation failure. Invalid signature")
	}
	if len(claims.Audience) != 1 || !isGraphRoot(claims.Audience[0], host) {
		return nil, errors.New("access token validation failure. Invalid audience")
	}
	return claims, nil
}

// isGraphRoot reports whether a root names this simulator, reached at host, or a Graph of Microsoft's.
// The names of loopback are one: a token asked for at localhost is good at 127.0.0.1.
func isGraphRoot(root, host string) bool {
	root = strings.TrimRight(root, "/")
	if slices.Contains(graphRoots, root) {
		return true
	}
	u, err := url.Parse(root)
	if err != nil || u.Scheme != "https" || u.Path != "" {
		return false
	}
	name, port := splitHost(u.Host)
	ownName, ownPort := splitHost(host)
	return port == ownPort && (strings.EqualFold(name, ownName) || isLoopback(name) && isLoopback(ownName))
}

func splitHost(host string) (name, port string) {
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		return strings.Trim(host, "[]"), "443"
	}
	return name, port
}

func isLoopback(name string) bool {
	ip := net.ParseIP(name)
	return strings.EqualFold(name, "localhost") || (ip != nil && ip.IsLoopback())
}

// entraError is how Entra refuses: another shape than Graph's.
type entraError struct {
	status int
	name   string
	code   int
	text   string
}

func (e *entraError) write(w http.ResponseWriter, r *http.Request) {
	now, trace := time.Now().UTC(), uuid.NewString()
	correlation := r.Header.Get("client-request-id")
	if uuid.Validate(correlation) != nil {
		correlation = uuid.NewString()
	}
	stamp := now.Format("2006-01-02 15:04:05Z")
	writeJSON(w, e.status, object{
		"error": e.name, "error_codes": []int{e.code}, "timestamp": stamp,
		"error_description": fmt.Sprintf("AADSTS%d: %s Trace ID: %s Correlation ID: %s Timestamp: %s",
			e.code, e.text, trace, correlation, stamp),
		"trace_id": trace, "correlation_id": correlation,
		"error_uri": fmt.Sprintf("https://%s/error?code=%d", r.Host, e.code),
	})
}

func tenantNotFound(name, tenant string) *entraError {
	return &entraError{http.StatusBadRequest, name, 90002, fmt.Sprintf(
		"Tenant '%.64s' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.",
		tenant)}
}

// knowsTenant reports whether the simulated Entra has this directory.
func (s *Simulator) knowsTenant(tenant string) bool {
	return strings.EqualFold(tenant, s.opts.TenantID) || slices.Contains(foreignTenants, strings.ToLower(tenant))
}

// discovery is the document that azidentity reads before its first token.
func (s *Simulator) discovery(w http.ResponseWriter, r *http.Request) {
	tenant := r.PathValue("tenant")
	if !s.knowsTenant(tenant) {
		tenantNotFound("invalid_tenant", tenant).write(w, r)
		return
	}
	base := "https://" + r.Host + "/" + tenant
	writeJSON(w, http.StatusOK, object{
		"issuer":                                base + "/v2.0",
		"authorization_endpoint":                base + "/oauth2/v2.0/authorize",
		"token_endpoint":                        base + "/oauth2/v2.0/token",
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
		"response_types_supported":              []string{"code", "id_token", "code id_token", "id_token token"},
		"subject_types_supported":               []string{"pairwise"},
	})
}

// tokenEndpoint is the client-credentials grant (Microsoft identity platform, RFC 6749, 4.4).
func (s *Simulator) tokenEndpoint(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.tokens++
	s.mu.Unlock()
	r.Body = http.MaxBytesReader(w, r.Body, maxFormBody)
	if err := r.ParseForm(); err != nil {
		(&entraError{http.StatusBadRequest, "invalid_request", 900144, "The request body could not be read."}).write(w, r)
		return
	}
	hit, faulty := s.serviceFault(onToken)
	if faulty && s.failToken(w, r, hit) {
		return
	}
	audience, refusal := s.judgeToken(r)
	if refusal != nil {
		s.log.Warn("token refused", "code", refusal.code)
		refusal.write(w, r)
		return
	}
	tenant, roles := s.opts.TenantID, grantedRoles
	if faulty && hit.kind.name == faultNoRoles {
		roles = nil
	}
	if faulty && hit.kind.name == faultForeignToken {
		tenant = foreignTenants[0]
	}
	token, err := s.entra.token(tenant, s.opts.AppID, audience, roles)
	if err != nil {
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Cache-Control", "no-store, no-cache")
	writeJSON(w, http.StatusOK, object{
		"token_type": "Bearer", "expires_in": int(accessLife.Seconds()), "ext_expires_in": int(accessLife.Seconds()),
		"access_token": token,
	})
}

// failToken answers in the place of Entra, unless the fault only spoils the token.
func (s *Simulator) failToken(w http.ResponseWriter, r *http.Request, hit fault) bool {
	switch hit.kind.name {
	case faultNoRoles, faultForeignToken:
		return false
	case faultTokenHang:
		s.hang(r)
	case faultTokenPage:
		writePage(w)
	case faultSecretExpired:
		(&entraError{http.StatusUnauthorized, "invalid_client", 7000222, fmt.Sprintf(
			"The provided client secret keys for app '%s' are expired.", s.opts.AppID)}).write(w, r)
	default:
		(&entraError{
			http.StatusServiceUnavailable, "temporarily_unavailable", 90033,
			"A transient error has occurred. Please try again.",
		}).write(w, r)
	}
	return true
}

// judgeToken returns the audience to issue a token for.
func (s *Simulator) judgeToken(r *http.Request) (string, *entraError) {
	bad := func(name string, code int, format string, args ...any) (string, *entraError) {
		return "", &entraError{http.StatusBadRequest, name, code, fmt.Sprintf(format, args...)}
	}
	form, tenant := r.PostForm, r.PathValue("tenant")
	app, secret := form.Get("client_id"), form.Get("client_secret")
	if user, password, ok := r.BasicAuth(); ok {
		app, secret = user, password
	}
	asserted := form.Has("client_assertion")
	audience, isDefault := resource(form.Get("scope"))
	switch {
	case !s.knowsTenant(tenant):
		return "", tenantNotFound("invalid_request", tenant)
	case app == "" || secret == "" && !asserted || form.Get("grant_type") == "":
		return bad("invalid_request", 900144,
			"The request body must contain the following parameters: 'client_id', 'client_secret', 'grant_type'.")
	case form.Get("grant_type") != "client_credentials":
		return bad("unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
	case !strings.EqualFold(app, s.opts.AppID) || !strings.EqualFold(tenant, s.opts.TenantID):
		return bad("unauthorized_client", 700016,
			"Application with identifier '%.64s' was not found in the directory '%.64s'.", app, tenant)
	case !asserted && subtle.ConstantTimeCompare([]byte(secret), []byte(s.opts.ClientSecret)) != 1:
		return "", &entraError{http.StatusUnauthorized, "invalid_client", 7000215, fmt.Sprintf(
			"Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, "+
				"not the client secret ID, for a secret added to app '%s'.", s.opts.AppID)}
	case !isDefault:
		return bad("invalid_scope", 1002012,
			"The provided value for scope is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier.")
	case !isGraphRoot(audience, r.Host):
		return bad("invalid_resource", 500011, "The resource principal was not found in the tenant.")
	}
	if asserted {
		return audience, s.judgeAssertion(r)
	}
	return audience, nil
}

// resource is what a scope of the form {resource}/.default asks for. Microsoft's library adds the scopes of
// OpenID to it even where nobody signs in; Entra looks past them.
func resource(scope string) (audience string, isDefault bool) {
	asked := slices.DeleteFunc(strings.Fields(scope), func(word string) bool {
		return slices.Contains([]string{"openid", "profile", "offline_access"}, word)
	})
	if len(asked) != 1 {
		return "", false
	}
	return strings.CutSuffix(asked[0], "/.default")
}

// TokenRequests is how many POSTs the token endpoint has seen, refused ones included.
func (s *Simulator) TokenRequests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tokens
}
