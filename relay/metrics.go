package relay

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics counts what happens, with fixed labels only: no caller, no call and
// no operator ever becomes a label.
type metrics struct {
	registry       *prometheus.Registry
	webhook        *prometheus.CounterVec
	webhookSeconds prometheus.Histogram
	notifications  *prometheus.CounterVec
	decisions      *prometheus.CounterVec
	rejectSeconds  prometheus.Histogram
	consoles       prometheus.Gauge
	consoleRefused *prometheus.CounterVec
	panics         prometheus.Counter
}

func newMetrics(d *desk) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		webhook: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "callscreen_webhook_requests_total", Help: "Webhook requests by answer and, where refused, by reason.",
		}, []string{"status", "refused"}),
		webhookSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "callscreen_webhook_seconds", Help: "From the start of an accepted webhook request to its answer.",
			Buckets: prometheus.ExponentialBuckets(0.00025, 2, 14),
		}),
		notifications: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "callscreen_notifications_total", Help: "Notifications by what they meant.",
		}, []string{"meaning"}),
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "callscreen_decisions_total", Help: "Operators' decisions by what became of them.",
		}, []string{"outcome"}),
		rejectSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "callscreen_reject_seconds", Help: "From a claim to Graph's answer, retries included.",
			Buckets: prometheus.ExponentialBuckets(0.005, 2, 12),
		}),
		consoles: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "callscreen_consoles", Help: "Consoles connected.",
		}),
		consoleRefused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "callscreen_console_refused_total", Help: "Console requests refused, by reason.",
		}, []string{"reason"}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "callscreen_panics_total", Help: "Requests that ended in a recovered panic.",
		}),
	}
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "callscreen_calls_waiting", Help: "Calls that wait for a decision.",
	}, func() float64 { return float64(d.waiting()) })
	watching := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "callscreen_watching", Help: "Operators who may decide and whose screens are drawn, on all relays of the journal. 0: nobody is watching.",
	}, func() float64 { return float64(d.watching()) })
	ignored := prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "callscreen_journal_ignored_total", Help: "Journal records that are not ours or mean nothing, since the start.",
	}, func() float64 { return float64(d.passedOver()) })
	m.registry.MustRegister(
		m.webhook, m.webhookSeconds, m.notifications, m.decisions, m.rejectSeconds,
		m.consoles, m.consoleRefused, m.panics, waiting, ignored, watching,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}
