package simulator

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// faultClass is where a fault acts.
type faultClass uint64

const (
	onCall   faultClass = iota // when a call is placed: its notifications and its fate
	onReject                   // instead of judging a reject, or a read of a call
	onDelay                    // before a reject is answered, in addition to the others
	onToken                    // at Entra's token endpoint
	onKeys                     // at the callback metadata and keys
	onEnd                      // at the end of a call: its `deleted` notification
	onAnswer                   // at every answer of every service
)

// The faults, by the names that CallSpec.Fault and FaultRule.Fault use.
const (
	faultGone              = "gone"
	faultNotRegistered     = "not-registered"
	faultNoConsent         = "no-consent"
	faultTenantMismatch    = "tenant-mismatch"
	faultUnauthorized      = "unauthorized"
	faultThrottled         = "throttled"
	faultThrottledFraction = "throttled-fraction"
	faultThrottledDate     = "throttled-date"
	faultThrottledLong     = "throttled-long"
	faultThrottledBare     = "throttled-bare"
	faultError500          = "error-500"
	faultError502          = "error-502"
	faultError503          = "error-503"
	faultError504          = "error-504"
	faultHang              = "hang"
	faultReset             = "reset"
	faultResetAfter        = "reset-after"
	faultRedirect          = "redirect"
	faultPage              = "page"
	faultSlow              = "slow"
	faultDoubled           = "doubled"
	faultOutOfOrder        = "out-of-order"
	faultLate              = "late"
	faultLost              = "lost"
	faultLegacy            = "legacy"
	faultHangup            = "hangup"
	faultKeyRoll           = "key-roll"
	faultForged            = "forged"
	faultWrongTenant       = "wrong-tenant"
	faultDeletedLost       = "deleted-lost"
	faultDeletedLate       = "deleted-late"
	faultDeletedDoubled    = "deleted-doubled"
	faultTokenDown         = "token-down"
	faultTokenHang         = "token-hang"
	faultTokenPage         = "token-page"
	faultSecretExpired     = "secret-expired"
	faultNoRoles           = "no-roles"
	faultForeignToken      = "foreign-token"
	faultKeysDown          = "keys-down"
	faultKeysHang          = "keys-hang"
	faultKeysPage          = "keys-page"
	faultKeysOdd           = "keys-odd"
	faultKeysUnusable      = "keys-unusable"
	faultKeysTwin          = "keys-twin"
	faultClock             = "clock"
)

// faultKind describes a fault. arg is its default duration, zero when it takes none. lasting faults of a
// call hit every time, the others once.
type faultKind struct {
	name    string
	class   faultClass
	arg     time.Duration
	lasting bool
	does    string
}

var faultKinds = []faultKind{
	{faultGone, onReject, 0, true, "the reject is answered 404/8522: the call has ended elsewhere"},
	{faultNotRegistered, onReject, 0, true, "the reject is answered 403/7503"},
	{faultNoConsent, onReject, 0, true, "the reject is answered 403/7504"},
	{faultTenantMismatch, onReject, 0, true, "the reject is answered 403/7505"},
	{faultUnauthorized, onReject, 0, false, "the reject is answered 401"},
	{faultThrottled, onReject, time.Second, false, "429 with Retry-After in whole seconds"},
	{faultThrottledFraction, onReject, 2128 * time.Millisecond, false, "429 with Retry-After in fractions of a second"},
	{faultThrottledDate, onReject, 2 * time.Second, false, "429 with Retry-After as an HTTP date"},
	{faultThrottledLong, onReject, time.Hour, true, "429 with a Retry-After beyond every ring time"},
	{faultThrottledBare, onReject, 0, false, "429 without Retry-After"},
	{faultError500, onReject, 0, false, "the reject is answered 500/9999"},
	{faultError502, onReject, 0, false, "502 by a gateway, in HTML"},
	{faultError503, onReject, 0, false, "503 with an empty body"},
	{faultError504, onReject, 0, false, "504 by a gateway, in HTML"},
	{faultHang, onReject, 0, false, "the reject is never answered"},
	{faultReset, onReject, 0, false, "the connection is reset, the call rings on"},
	{faultResetAfter, onReject, 0, false, "the call is rejected, then the connection is reset"},
	{faultRedirect, onReject, 0, true, "307 to another path; see RedirectsFollowed"},
	{faultPage, onReject, 0, true, "200 with a web page, by a proxy that wants somebody to sign in"},
	{faultSlow, onDelay, 2 * time.Second, false, "the answer takes so much longer, not scaled by speed"},
	{faultDoubled, onCall, 0, false, "`created` is sent twice"},
	{faultOutOfOrder, onCall, 0, false, "the caller is gone at once: `deleted` is sent before `created`"},
	{faultLate, onCall, 5 * time.Second, false, "`created` is sent so much later, the ring time running"},
	{faultLost, onCall, 0, false, "`created` is never sent"},
	{faultLegacy, onCall, 0, false, "a Skype-style body first, which wants a 204"},
	{faultHangup, onCall, 4 * time.Second, false, "the caller hangs up after this time"},
	{faultKeyRoll, onCall, 0, false, "the signing key changes just before the call"},
	{faultForged, onCall, 0, false, "the notifications are signed with a key nobody published"},
	{faultWrongTenant, onCall, 0, false, "the call belongs to a tenant where the bot has no registration"},
	{faultDeletedLost, onEnd, 0, true, "`deleted` is never sent"},
	{faultDeletedLate, onEnd, 5 * time.Second, true, "`deleted` is sent so much later"},
	{faultDeletedDoubled, onEnd, 0, true, "`deleted` is sent twice"},
	{faultTokenDown, onToken, 0, false, "the token endpoint answers 503"},
	{faultTokenHang, onToken, 0, false, "the token endpoint never answers"},
	{faultTokenPage, onToken, 0, false, "the token endpoint is hidden behind a proxy's web page"},
	{faultSecretExpired, onToken, 0, false, "the client secret has expired: 401 with AADSTS7000222"},
	{faultNoRoles, onToken, 0, false, "the token carries no roles: no permission was granted"},
	{faultForeignToken, onToken, 0, false, "the token is for another tenant than was asked for"},
	{faultKeysDown, onKeys, 0, false, "callback metadata and keys answer 503"},
	{faultKeysHang, onKeys, 0, false, "callback metadata and keys never answer"},
	{faultKeysPage, onKeys, 0, false, "callback metadata and keys are hidden behind a proxy's web page"},
	{faultKeysOdd, onKeys, 0, false, "keys that nobody can use are among the keys"},
	{faultKeysUnusable, onKeys, 0, false, "there are no keys but those that nobody can use"},
	{faultKeysTwin, onKeys, 0, false, "a wrong key stands under the kid of the one that signs, and before it"},
	{faultClock, onAnswer, 10 * time.Minute, false, "the Date of every answer is so much ahead"},
}

// FaultNames are the names of all faults; [FaultHelp] says what each does.
func FaultNames() []string {
	names := make([]string, len(faultKinds))
	for i, k := range faultKinds {
		names[i] = k.name
	}
	return names
}

// FaultHelp is one sentence about each fault, by name.
func FaultHelp() map[string]string {
	help := make(map[string]string, len(faultKinds))
	for _, k := range faultKinds {
		help[k.name] = k.does
	}
	return help
}

// fault is a fault about to happen. left counts its remaining hits; forever means no limit.
type fault struct {
	kind *faultKind
	arg  time.Duration
	left int
}

const forever = -1

// parseFaults reads a list such as "legacy, slow=3s, error-503*2, no-consent*always": names, each with a
// duration where it takes one, and how often it hits.
func parseFaults(text string) ([]fault, error) {
	var list []fault
	for word := range strings.SplitSeq(text, ",") {
		if word = strings.TrimSpace(word); word == "" {
			continue
		}
		f, err := parseFault(word)
		if err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	return list, nil
}

func parseFault(word string) (fault, error) {
	rest, times, counted := strings.Cut(word, "*")
	name, arg, timed := strings.Cut(rest, "=")
	i := slices.IndexFunc(faultKinds, func(k faultKind) bool { return k.name == name })
	if i < 0 {
		return fault{}, fmt.Errorf("no fault is called %q; there are %s", name, strings.Join(FaultNames(), ", "))
	}
	f := fault{kind: &faultKinds[i], arg: faultKinds[i].arg, left: 1}
	if f.kind.lasting {
		f.left = forever
	}
	if timed {
		d, err := parseDuration(arg)
		if err != nil {
			return fault{}, fmt.Errorf("fault %s: %w", name, err)
		}
		if f.kind.arg == 0 {
			return fault{}, fmt.Errorf("fault %s takes no duration", name)
		}
		f.arg = d
	}
	switch n, err := strconv.Atoi(times); {
	case !counted:
	case times == "always":
		f.left = forever
	case err != nil || n < 1:
		return fault{}, fmt.Errorf(`fault %s: %q is not how often: a number above 0, or "always"`, name, times)
	default:
		f.left = n
	}
	return f, nil
}

// maxDuration bounds every duration that comes from outside.
const maxDuration = 24 * time.Hour

func parseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > maxDuration {
		return 0, fmt.Errorf(`%q is not a duration from 0 to 24h, such as "2s" or "750ms"`, text)
	}
	return d, nil
}
