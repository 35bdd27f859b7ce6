package cmd

import (
	"fmt"
	"time"
)

// left says how long something still holds, or for how long it has not, in
// the two largest units: "364d 2h left", "expired 3h 5m ago".
func left(d time.Duration) string {
	if d <= 0 {
		return "expired " + twoUnits(-d) + " ago"
	}
	return twoUnits(d) + " left"
}

func twoUnits(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 365*day:
		return fmt.Sprintf("%dy %dd", d/(365*day), d%(365*day)/day)
	case d >= day:
		return fmt.Sprintf("%dd %dh", d/day, d%day/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%dh %dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dm %ds", d/time.Minute, d%time.Minute/time.Second)
}
