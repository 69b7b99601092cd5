// Package relay is the server between Microsoft Graph and the consoles: the
// webhook comes in, the stream of events goes out, decisions come back and are
// carried to Graph.
//
// The journal is the only truth. A notification and a decision are both
// appended, each conditional on the last event of its call, and losing the
// append is losing the race; that holds for two requests of one relay as for
// two relays on one cluster. One goroutine follows the journal, folds its
// events into the board and hands them to the consoles. Nothing is shown that
// is not recorded, and nothing is answered 202 that is not recorded.
//
// What a caller of this package may rely on:
//
//   - a webhook is answered 202 only after its events are synced in the journal;
//   - a request to Graph leaves only for a call claimed in the journal by this
//     relay, before the call's usable time is over, and once for each claim
//     (retries of the same rejection included in that one claim); where the claim
//     is held so that it can be taken back, only after it was committed there too;
//   - every accepted decision ends as rejected, refused, gone or unknown, at the
//     latest a second after the call's deadline, or taken back by whoever made it;
//   - the unattended policy and the on-call command claim a call in the same way as an
//     operator; the policy only when no operator at any relay of the journal has
//     had a screen drawn for six seconds, and never in doubt about that;
//   - a console is shown every event after its welcome once and in order, or
//     its socket is closed.
package relay
