package wire

import "github.com/gorilla/websocket"

// Close codes, in the range that RFC 6455 leaves to applications. Below 4100
// they mean "come back"; from 4100 on, coming back the same way cannot help.
const (
	Shutdown   = 4000 // the relay is going down; another or the same will be back
	TooSlow    = 4001 // the console did not read fast enough; a fresh board awaits it
	NotReady   = 4002 // the relay cannot serve now, for instance while it reads its journal
	Full       = 4003 // too many consoles, of this operator or in all; come back when one has left
	NewRole    = 4004 // the operator's role was changed: the next welcome tells the new one
	BadToken   = 4100 // the operator's token is unknown, expired or revoked
	BadVersion = 4101 // the relay does not speak this version of the frames
	BadFrame   = 4102 // the console sent what this page does not allow
	TooMany    = 4103 // more frames or decisions than a console can mean
)

// Reason is a close code in a word or two, for counting.
func Reason(code int) string {
	switch code {
	case Shutdown:
		return "shutdown"
	case TooSlow:
		return "too slow"
	case NotReady:
		return "not ready"
	case Full:
		return "full"
	case NewRole:
		return "role"
	case BadToken:
		return "token"
	case BadVersion:
		return "version"
	case BadFrame:
		return "frame"
	case TooMany:
		return "too many"
	default:
		return "other"
	}
}

// Retry reports whether a console should come back after a close code.
func Retry(code int) bool {
	switch code {
	case BadToken, BadVersion, BadFrame, TooMany,
		websocket.CloseMessageTooBig, websocket.ClosePolicyViolation, websocket.CloseInvalidFramePayloadData:
		return false
	default:
		return true
	}
}
