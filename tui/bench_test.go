package tui

import (
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
)

// counting gives a screen on which n calls count down.
func counting(n int) *Model {
	h := pick(rules{})
	for i := range n {
		h.tell(rang(i, time.Hour+time.Duration(i)*time.Second, time.Now()))
	}
	h.do(tea.WindowSizeMsg{Width: 120, Height: 40})
	return h.m
}

func benchmarkView(b *testing.B, calls int) {
	b.Helper()
	m := counting(calls)
	b.ReportAllocs()
	for b.Loop() {
		m.now = m.now.Add(100 * time.Millisecond)
		_ = m.View()
	}
}

func BenchmarkView10Calls120x40(b *testing.B)   { benchmarkView(b, 10) }
func BenchmarkView1000Calls120x40(b *testing.B) { benchmarkView(b, 1000) }

// A tick is what a countdown costs ten times a second, without the renderer.
func BenchmarkTick10Calls120x40(b *testing.B) {
	m := counting(10)
	b.ReportAllocs()
	for b.Loop() {
		m.Update(tickMsg{m.tickNumber})
		_ = m.View()
	}
}

// An event with a thousand calls on the board is the flood of one caller.
func BenchmarkEvent1000Calls120x40(b *testing.B) {
	m := counting(1000)
	b.ReportAllocs()
	for b.Loop() {
		m.changed()
		m.Update(news{})
		_ = m.View()
	}
}
