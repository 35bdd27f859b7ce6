package page

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/pkitool/pkitool/phases/audit"
)

// The picture of time shows what people plan for, whatever a CA's or a mistaken certificate's life is.
func TestSpan(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	const year = 365
	for _, tt := range []struct {
		name     string
		lives    [][2]int // in days from now; a CA's first
		from, to string
		ticks    int
	}{
		{"kubeadm's", [][2]int{{-30, 10 * year}, {-30, year - 30}}, "2026-10-24", "2027-11", 7},
		{"new", [][2]int{{0, 10 * year}, {0, year}}, "2026-10-24", "2027-12", 7},
		{"a CA alone", [][2]int{{0, 10 * year}}, "2026-10-24", "2027-03", 5},
		{"hours", [][2]int{{-1, year}, {0, 1}}, "2026-10-24", "2027-03", 5},
		{"a hundred years", [][2]int{{-20 * year, 100 * year}, {-20 * year, 100 * year}}, "2025-11-24", "2030-02", 5},
		{"long over", [][2]int{{-20 * year, -10 * year}, {-20 * year, -10 * year}}, "2025-11-24", "2027-03", 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := place{now: now}
			for i, life := range tt.lives {
				kind := map[bool]audit.NodeKind{true: audit.Root, false: audit.Certificate}[i == 0]
				from, to := now.AddDate(0, 0, life[0]), now.AddDate(0, 0, life[1])
				l.held = append(l.held, &held{Node: &audit.Node{Kind: kind, NotBefore: &from, NotAfter: &to}})
			}
			s := l.spanOf()
			assert.Equal(t, tt.from, s.from.Format(time.DateOnly))
			assert.Equal(t, tt.to, s.to.Format("2006-01"))
			assert.Len(t, s.ticks(), tt.ticks)
			x, inside := s.at(now)
			assert.True(t, inside && x > 0 && x < 100)
			x, inside = s.at(now.AddDate(200, 0, 0))
			assert.True(t, !inside && x == 100)
			x, inside = s.at(now.AddDate(-200, 0, 0))
			assert.True(t, !inside && x == 0)
		})
	}
}
