// Package simulator is a Microsoft that runs here: the parts of the Bot Framework's key service, of
// Entra and of Microsoft Graph that a calling bot talks to while a call rings at it. It places calls
// at the bot's webhook with signed notifications, holds the 15 seconds, judges the bot's reject as
// Graph does and says `deleted` at the end; on demand it fails in the ways the real one fails.
//
// It is a test server for loopback. Its credentials are published constants, its callers are invented
// people with numbers from ranges that regulators keep for films, and its own CA can sign for
// localhost, 127.0.0.0/8 and ::1 only. Do not expose it.
//
// # Contract
//
//   - One https listener ([Simulator.Serve]) has everything: the callback metadata and keys
//     (/v1/...), Entra (/{tenant}/...), Graph (/v1.0 and /beta), and a control API of its own
//     (/simulator/...).
//   - The same seed gives the same calls: call n of a simulator depends on the seed and on n only,
//     so ids, people, shapes, latencies and faults do not change with timing or load. Keys, token
//     times and request ids are fresh each time. Two runs of one seed thus use the same call ids: a
//     bot that remembers ended calls needs another seed for its second run.
//   - A call starts to ring when its `created` notification is sent, or should have been. It stops
//     when a reject is accepted, the caller hangs up, or the ring time is over; a reject after that
//     is 404 with code 8522. At the end of the ring time nothing is sent unless
//     [Options.NotifyTimeout] asks for it, because Microsoft documents nothing.
//   - The notifications of one call are sent one after the other: `deleted` waits until the webhook
//     has answered `created`, except where a fault says otherwise. A notification is sent once:
//     retries of the real platform are not documented, so there are none here.
//   - All time is taken from package time, so everything but the sockets runs under testing/synctest;
//     see [Options.Transport] and [Simulator.Handler].
//   - [Simulator.Close] (and the end of Serve) returns when every goroutine of the simulator has ended.
//
// # Left out
//
// answer, redirect, transfer, keepAlive and the media of a call; the messaging bot's endpoints. A request
// for these is answered as an unknown path. The facts behind each part are named where the part is built ("Graph v1.0, call: reject").
package simulator
