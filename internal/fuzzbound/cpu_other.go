//go:build !unix

package fuzzbound

import "time"

// cpu: other systems are not asked; the fuzz targets run on unix.
func cpu() time.Duration { return 0 }
