package cmd

import (
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// openSSLCompat is the OpenSSL release whose `verify` ours equals.
const openSSLCompat = "3.0"

// versionInfo is what `version` prints.
type versionInfo struct {
	Version       string `json:"version"`
	Revision      string `json:"revision,omitempty"`
	Modified      bool   `json:"modified"`
	GoVersion     string `json:"goVersion"`
	Platform      string `json:"platform"`
	OpenSSLCompat string `json:"openSSLCompat"`
}

func newVersion(env *Env) *cobra.Command {
	c := &cobra.Command{Use: "version", Short: "Print the version, the source revision and what it was built with", Args: noArguments}
	out := addOutput(c, env)
	c.RunE = func(*cobra.Command, []string) error {
		v := readVersion(env.Revision)
		return out.print(v, func(w io.Writer) error {
			rev := v.Revision
			if rev == "" {
				rev = "unknown"
			} else if v.Modified {
				rev += " (modified)"
			}
			return say(w, "pkitool %s\nrevision %s\n%s %s\nverifies as OpenSSL %s\n", v.Version, rev, v.GoVersion, v.Platform, v.OpenSSLCompat)
		})
	}
	return c
}

// readVersion is what the Go toolchain stamped into the binary; revision helps
// out where it stamped nothing.
func readVersion(revision string) versionInfo {
	v := versionInfo{Version: "(devel)", Revision: revision, GoVersion: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, OpenSSLCompat: openSSLCompat}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Revision = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}
