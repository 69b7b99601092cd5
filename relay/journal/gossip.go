package journal

import "github.com/nats-io/nats.go"

// gossipPrefix is beside the stream's subjects: what is published there is
// recorded nowhere.
const gossipPrefix = "callscreen.gossip."

// Publish tells everybody who has this journal open something that is not worth a
// record. Nothing is promised: whoever is not there, or whose link is down, does
// not hear it, and an error means only that nobody does.
func (j *Journal) Publish(data []byte) error { return j.nc.Publish(gossipPrefix+j.epoch, data) }

// Subscribe has fn called with each such message, one at a time, our own among
// them: whoever does not hear himself hears nobody. Data belongs to fn. It ends
// with stop, or with the journal.
func (j *Journal) Subscribe(fn func(data []byte)) (stop func(), err error) {
	sub, err := j.nc.Subscribe(gossipPrefix+j.epoch, func(m *nats.Msg) { fn(m.Data) })
	if err != nil {
		return nil, err
	}
	return func() { _ = sub.Unsubscribe() }, nil
}
