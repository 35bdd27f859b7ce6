package cmd_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/pkitool/pkitool/cmd"
)

// A build that does not know the time of its source has the release's: never none.
func TestBuilt(t *testing.T) {
	assert.Greater(t, cmd.Built().Year(), 2025)
}
