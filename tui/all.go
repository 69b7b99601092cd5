package tui

import (
	"slices"
	"strconv"
	"time"

	"callscreen/relay/call"
)

// Rejecting all shown calls takes three different keys: one that asks, one that
// names the reason, and y. What is decided are the calls that were on the screen
// when it was asked, those that pass the filter, and of these the ones that can
// still be decided: nothing that came since, nothing below the last row. Each is
// a decision of its own, judged by the relay like any other.
//
// A question has to be read before it is answered. So y counts only once the
// question has stood unchanged for the time that also arms a call: a reason that
// was changed, or a call that somebody else decided meanwhile, asks anew.

// bulk is the open question.
type bulk struct {
	ids    []call.ID // can still be decided
	beyond int       // waited besides them when it was asked
	reason call.Reason
	guard  guard // of the question in its present words
	early  bool  // y came before it could have been read
}

// askAll asks whether all shown calls are to be rejected.
func (m *Model) askAll(isRepeat bool) {
	switch {
	case isRepeat || m.geo.layout == tiny:
	case m.watchesOnly():
	case !m.link.Up && !m.guard.off.noOffline:
		m.say(bad, "Not sent: no link to the relay. The calls ring on.", "")
	case m.page.kind != pageNone:
		m.say(plain, "Nothing sent: close this page first ("+m.keys.back.Help().Key+").", "")
	default:
		ids := m.shownDecidable()
		if len(ids) == 0 {
			m.say(plain, "No call that is shown can be decided.", "")
			return
		}
		m.all = &bulk{ids: ids, beyond: m.board.Waiting() - len(ids)}
		m.all.guard.selected(false, m.now)
	}
}

// shownDecidable is the calls on the screen that a key could decide.
func (m *Model) shownDecidable() (ids []call.ID) {
	for _, r := range m.queue.rows[m.geo.first : m.geo.first+m.geo.shown] {
		if m.decidable(r) {
			ids = append(ids, r.call.ID)
		}
	}
	return ids
}

// answerAll takes a key as the answer.
func (m *Model) answerAll(name named, isRepeat bool) {
	q := m.all
	reason, isReason := m.reasonOf(name)
	switch {
	case isReason:
		// A key that is held down stays held when the question is gone.
		judged := m.guard.judge(decisionKey(name), isRepeat, m.now)
		if judged != repeated && reason != q.reason {
			q.reason, q.early = reason, false
			q.guard.selected(false, m.now)
		}
	case isRepeat:
	case !name.is(m.keys.sure):
		m.all = nil
		m.say(plain, "Nothing was rejected.", "")
	case q.reason == "":
	case !q.guard.arm(m.now) && !m.guard.off.noReading:
		q.early = true
	default:
		m.all = nil
		m.rejectAll(q)
	}
}

func (m *Model) reasonOf(name named) (call.Reason, bool) {
	switch {
	case name.is(m.keys.busy):
		return call.Busy, true
	case name.is(m.keys.none):
		return call.None, true
	case name.is(m.keys.forbidden):
		return call.Forbidden, true
	default:
		return "", false
	}
}

// keepAll brings the open question into line with what has happened.
func (m *Model) keepAll() {
	q := m.all
	if q == nil {
		return
	}
	before := len(q.ids)
	q.ids = slices.DeleteFunc(q.ids, func(id call.ID) bool {
		c, ok := m.board.Get(id)
		return !ok || !m.decidable(row{call: c})
	})
	if m.guard.off.noSet {
		q.ids = m.shownDecidable()
	}
	switch {
	case !m.link.Up || m.geo.layout == tiny:
		m.all = nil
	case len(q.ids) == 0:
		m.all = nil
		m.say(plain, "Nothing was rejected: none of these calls can be decided any more.", "")
	case len(q.ids) != before:
		q.early = false
		q.guard.again(m.now)
	}
}

// again starts the wait anew, but not the longest one: where calls come and go
// all the time a question could never be answered otherwise.
func (g *guard) again(now time.Time) { g.lastKey, g.armed = now, false }

// allQuestion is the question as it stands, and how to answer it.
func (m *Model) allQuestion() (question, answer string) {
	q, k := m.all, &m.keys
	n := count(len(q.ids), "call", "calls")
	switch {
	case q.reason == "" && m.geo.layout == compact:
		return "Reject the " + n + " shown?", m.deciding() + " as reason, else no"
	case q.reason == "":
		return "Reject the " + n + " shown?", k.busy.Help().Key + " busy, " + k.none.Help().Key + " none, " +
			k.forbidden.Help().Key + " forbidden; any other key: no."
	}
	question, answer = "Reject "+n+" as "+string(q.reason)+"?", k.sure.Help().Key+" rejects, any other key: no."
	switch {
	case q.early:
		question = "Read first. " + question
	case q.beyond > 0 && m.geo.layout != compact:
		answer += " " + count(q.beyond, "more call waits and stays", "more calls wait and stay") + "."
	}
	return question, answer
}

// allLines is the question on the message line, or on two where lines are short.
func (m *Model) allLines() []string {
	question, answer := m.allQuestion()
	if m.geo.layout != compact {
		return m.told(m.paint.warn, question+" "+answer, "")
	}
	return append(m.told(m.paint.warn, question, "")[:1], m.told(m.paint.warn, answer, "")[0])
}

// meant reports whether the open question is about a call.
func (m *Model) meant(id call.ID) bool { return m.all != nil && slices.Contains(m.all.ids, id) }

// campaign is what becomes of the decisions of one such answer.
type campaign struct {
	reason   call.Reason
	sent     int
	verdicts map[call.Verdict]int
	answered int
	why      string // why some could not be sent
	held     bool   // at least one can be taken back
}

func (m *Model) rejectAll(q *bulk) {
	c := &campaign{reason: q.reason, verdicts: map[call.Verdict]int{}}
	for _, id := range q.ids {
		k, ok := m.board.Get(id)
		if !ok {
			continue
		}
		c.sent++
		a, err := m.transmit(k, q.reason)
		if err != nil {
			c.count(call.NotSent)
			c.why = err.Error()
			continue
		}
		a.all = c
	}
	m.guard.decided(m.now)
	m.sayCampaign(c)
}

// progressOfAll says once that what was sent can be taken back.
func (m *Model) progressOfAll(e call.Event, a *ask) {
	if e.Kind == call.Claimed && e.Claim != nil && e.Claim.Command == a.request && e.Claim.Hold > 0 && !a.all.held {
		a.all.held = true
		m.say(plain, m.glyph.to+" "+a.all.words()+", "+m.keys.undo.Help().Key+" takes all back", "")
	}
}

func (c *campaign) count(v call.Verdict) {
	c.verdicts[v]++
	c.answered++
}

// sayCampaign sums up what is known so far.
func (m *Model) sayCampaign(c *campaign) {
	tone, sign := plain, m.glyph.to
	switch accepted := c.verdicts[call.WasRejected]; {
	case accepted == c.sent:
		tone, sign = good, m.glyph.ok
	case accepted+c.verdicts[call.WasWithdrawn] == c.sent:
	case c.answered == c.sent:
		tone, sign = bad, m.glyph.no
	}
	m.say(tone, sign+" "+c.words(), "")
}

// words is "busy for 5 calls: 3 accepted by Graph, 1 already gone, 1 under way".
func (c *campaign) words() string {
	if c.answered == 0 {
		return string(c.reason) + " sent for " + count(c.sent, "call", "calls")
	}
	s, sep := string(c.reason)+" for "+count(c.sent, "call", "calls"), ": "
	say := func(n int, words string) {
		if n > 0 {
			s += sep + strconv.Itoa(n) + " " + words
			sep = ", "
		}
	}
	known := 0
	for _, v := range []struct {
		verdict call.Verdict
		words   string
	}{
		{call.WasRejected, "accepted by Graph"},
		{call.WasWithdrawn, "taken back"},
		{call.WasTaken, "decided by others before"},
		{call.WasGone, "already gone"},
		{call.NoSuchCall, "unknown to the relay"},
		{call.WasTooLate, "too late"},
		{call.WasRefused, "refused by Graph"},
		{call.WasUnknown, "with unknown outcome"},
		{call.NotSent, "not sent"},
	} {
		known += c.verdicts[v.verdict]
		say(c.verdicts[v.verdict], v.words)
	}
	say(c.answered-known, "ended otherwise")
	say(c.sent-c.answered, "under way")
	if c.why != "" {
		s += " (" + tidy(c.why, wordsCells) + ")"
	}
	return s
}
