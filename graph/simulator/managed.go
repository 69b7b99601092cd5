package simulator

import (
	"crypto/subtle"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// IdentityEndpoint is what App Service gives to a bot that has a managed identity, the bot's own: its address
// belongs into IDENTITY_ENDPOINT and the secret into IDENTITY_HEADER of the bot's environment (App Service,
// "managed identities", REST endpoint reference, 2019-08-01). It speaks plain http, as the real one does: serve
// it on loopback. root is the Graph for which it gives tokens, such as this simulator's address.
func (s *Simulator) IdentityEndpoint(root, secret string) http.Handler {
	refuse := func(w http.ResponseWriter, status int, message string) {
		writeJSON(w, status, object{"statusCode": status, "message": message})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.tokens++
		s.mu.Unlock()
		q := r.URL.Query()
		switch {
		case r.Method != http.MethodGet:
			refuse(w, http.StatusMethodNotAllowed, "GET only")
		case subtle.ConstantTimeCompare([]byte(r.Header.Get("X-IDENTITY-HEADER")), []byte(secret)) != 1:
			refuse(w, http.StatusUnauthorized, "The X-IDENTITY-HEADER is not the one of this site.")
		case q.Get("api-version") != "2019-08-01":
			refuse(w, http.StatusBadRequest, "The api-version is not supported.")
		case q.Has("client_id") && !strings.EqualFold(q.Get("client_id"), s.opts.AppID):
			refuse(w, http.StatusBadRequest, "No User Assigned or Delegated Managed Identity found for specified ClientId.")
		case strings.TrimRight(q.Get("resource"), "/") != strings.TrimRight(root, "/"):
			refuse(w, http.StatusBadRequest, "The resource principal was not found.")
		default:
			s.giveIdentity(w, root)
		}
	})
}

func (s *Simulator) giveIdentity(w http.ResponseWriter, root string) {
	token, err := s.entra.token(s.opts.TenantID, s.opts.AppID, root, grantedRoles)
	if err != nil {
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	writeJSON(w, http.StatusOK, object{
		"token_type": "Bearer", "access_token": token, "resource": root, "client_id": s.opts.AppID,
		"expires_on": strconv.FormatInt(time.Now().Add(accessLife).Unix(), 10),
	})
}
