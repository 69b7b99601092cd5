// Package graph is Microsoft Graph as an API for a call screener: it proves that a webhook request
// comes from Microsoft, decodes what it says, keeps tokens for the way back, and rejects a call.
//
// # The contract
//
//   - Inbound: [Authenticator] judges the headers before any byte of a body is read; [Decode] reads only
//     bytes whose sender is proven. Text in decoded values is raw: strangers chose it, so whoever takes it in
//     cleans it before it is stored or drawn. Live credentials inside a notification (meeting tokens,
//     passcodes, replaces contexts) are not kept by any decoded value.
//   - Outbound: [Tokens] holds a token per tenant and renews it ahead of need; [Client] sends exactly one kind
//     of request, the reject, with a deadline and a few careful retries. URLs are built from configured roots
//     and validated ids, never from a notification. No client follows redirects, none speaks plain http but to
//     this machine's own endpoint of a [ManagedIdentity], and [GuardTransport] refuses every request that is not
//     on the fixed list. A [Credential] tells in words which it is, and no secret.
//   - Every error a caller decides by is a type with a sentence for people: [TokenError], [ErrNoKeys],
//     [BodyError], [GoneError], [RefusedError], [ThrottledError], [UnauthorizedError], [UnreachableError],
//     [SignInError]; what Microsoft's refusals mean, and who mends it, stands in one place ([TroubleOf]). No
//     error and no log line holds a token, a secret or a body, and prose sent by Graph decides nothing.
//   - Clocks are given, contexts bound every wait, and the only goroutines are those of Run (and the token
//     refreshes it owns).
//
// What it does not know: consoles, journals, countdowns, counters. It imports nothing else of this module.
//
// # Sources
//
// Microsoft Graph v1.0 and beta reference (commsNotification, call, call: reject, identitySet, errors,
// throttling, national cloud deployments), Microsoft's calling samples for the webhook's token, RFC 7515,
// 7517, 7518 and 7519 for tokens and keys. Where those are silent the decision stands beside the code.
package graph
