package phases

import "fmt"

// Residual writes seconds that are left as kubectl and kubeadm do ("364d",
// "5h30m", "<invalid>" when they are over): one unit, or two while the larger is small.
func Residual(seconds int64) string {
	const minute, hour, day, year = 60, 60 * 60, 24 * 60 * 60, 365 * 24 * 60 * 60
	two := func(big int64, bigName string, small int64, smallName string) string {
		if rest := seconds % big / small; rest > 0 {
			return fmt.Sprintf("%d%s%d%s", seconds/big, bigName, rest, smallName)
		}
		return fmt.Sprintf("%d%s", seconds/big, bigName)
	}
	switch {
	case seconds < -1:
		return "<invalid>"
	case seconds < 0:
		return "0s"
	case seconds < 2*minute:
		return fmt.Sprintf("%ds", seconds)
	case seconds < 10*minute:
		return two(minute, "m", 1, "s")
	case seconds < 3*hour:
		return fmt.Sprintf("%dm", seconds/minute)
	case seconds < 8*hour:
		return two(hour, "h", minute, "m")
	case seconds < 2*day:
		return fmt.Sprintf("%dh", seconds/hour)
	case seconds < 8*day:
		return two(day, "d", hour, "h")
	case seconds < 2*year:
		return fmt.Sprintf("%dd", seconds/day)
	case seconds < 8*year:
		return two(year, "y", day, "d")
	}
	return fmt.Sprintf("%dy", seconds/year)
}
