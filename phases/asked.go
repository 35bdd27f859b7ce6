package phases

import (
	"fmt"

	"github.com/pkitool/pkitool/pki"
)

// validNames puts requested names through the doors that names on a command
// line go through: whoever wrote the request may have written anything.
func validNames(asked pki.SANs) (pki.SANs, []error) {
	var all []pki.SANs
	var faults []error
	for _, text := range asked.Strings() {
		s, err := pki.ParseTypedSAN(text)
		if err != nil {
			faults = append(faults, fmt.Errorf("asks for a name that cannot be granted: %w", err))
		}
		all = append(all, s)
	}
	return pki.Join(all...), faults
}
