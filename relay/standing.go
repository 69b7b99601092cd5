package relay

import (
	"errors"
	"net/http"

	"callscreen/relay/call"
	"callscreen/relay/wire"
)

// errObserves is what an observer's decision is answered.
var errObserves = errors.New("an observer decides nothing; nothing was sent. A role is given with: callscreen operator change NAME --role operator")

// standing judges the operator of a seat as he stands now: since the handshake he
// may have been revoked, his token may have run out, and his role may be another.
// ok is false when the seat was given up. A list that cannot be read changes
// nothing.
func (s *Server) standing(st *seat) (who call.Operator, ok bool) {
	who, ok, err := s.opts.Operators.Authenticate(st.token)
	switch {
	case err != nil:
		return st.operator, true
	case !ok || who.Name != st.operator.Name:
		st.hangUp(wire.BadToken, "the operator's token is no longer valid")
		return who, false
	case who.Role != st.operator.Role:
		st.hangUp(wire.NewRole, "the operator's role was changed; come back")
	}
	return who, true
}

// judgeSeats gives up the seats whose operators were revoked or changed.
func (s *Server) judgeSeats() {
	for _, st := range s.desk.seated() {
		s.standing(st)
	}
}

// admitDecision admits a script that wants to decide, and answers it itself when
// it may not.
func (s *Server) admitDecision(w http.ResponseWriter, r *http.Request) (who call.Operator, ok bool) {
	who, ok = s.admit(w, r)
	if ok && !who.Decides() {
		s.refuseConsole(w, http.StatusForbidden, "role", errObserves.Error())
		return who, false
	}
	return who, ok
}
