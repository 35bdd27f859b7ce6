// Package build makes the real consumers of a cluster's PKI (etcd, the Kubernetes control plane,
// kubeadm, kubectl, a hollow kubelet) from the Go modules that go.mod pins, and pkitool from the tree around it.
// No binary is downloaded. What was built is kept per user and made anew only when the pins change.
package build

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// KubernetesVersion is the version of every Kubernetes component; go.mod pins the same one, and Components proves it.
const KubernetesVersion = "v1.36.3"

// EtcdVersion is the version of etcd, the one that Kubernetes' own go.mod asks for.
const EtcdVersion = "3.6.8"

// component is one program: the name it is known by, its package, and the name that `go build -o DIR` gives it.
type component struct{ name, pkg, built string }

// components lists what is built, in the order of the report.
var components = [...]component{
	{"etcd", "go.etcd.io/etcd/server/v3", "server"},
	{"kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver", "kube-apiserver"},
	{"kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager", "kube-controller-manager"},
	{"kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler", "kube-scheduler"},
	{"kubeadm", "k8s.io/kubernetes/cmd/kubeadm", "kubeadm"},
	{"kubectl", "k8s.io/kubernetes/cmd/kubectl", "kubectl"},
	{"hollow-kubelet", "github.com/pkitool/pkitool/e2e/hollow", "hollow"},
}

// Tools is a folder of built components. The zero value is not usable; Components makes one.
type Tools struct{ Dir string }

// Path is the absolute path of a component ("kube-apiserver", "etcd", "hollow-kubelet", ...).
func (t Tools) Path(name string) string { return filepath.Join(t.Dir, name) }

// Components builds every component that the cache lacks and says to progress what it does, for it can take minutes.
// moduleDir is the folder of this module's go.mod. The result is in the user's cache folder, under a key
// made of everything that goes into the binaries; two calls at once build once.
func Components(ctx context.Context, moduleDir string, progress io.Writer) (Tools, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return Tools{}, fmt.Errorf("build: no cache folder: %w", err)
	}
	key, err := cacheKey(ctx, moduleDir)
	if err != nil {
		return Tools{}, err
	}
	root := filepath.Join(cache, "pkitool-e2e")
	tools := Tools{Dir: filepath.Join(root, key)}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return Tools{}, fmt.Errorf("build: %w", err)
	}
	unlock, err := lock(filepath.Join(root, key+".lock"))
	if err != nil {
		return Tools{}, err
	}
	defer unlock()
	if _, err := os.Stat(tools.Dir); err == nil {
		return tools, prune(root, key, time.Now())
	}
	return tools, buildAll(ctx, moduleDir, root, tools.Dir, progress)
}

// buildAll builds into a folder beside the final one and renames it when everything in it is what it has to be: neither
// a killed build nor one of another version leaves something that the next call would take.
func buildAll(ctx context.Context, moduleDir, root, final string, progress io.Writer) error {
	staging, err := os.MkdirTemp(root, "building-")
	if err != nil {
		return fmt.Errorf("build: %w", err)
	}
	defer os.RemoveAll(staging)
	start := time.Now()
	fmt.Fprintf(progress, "building etcd %s and Kubernetes %s from their modules (minutes the first time) ...\n", EtcdVersion, KubernetesVersion)
	args := []string{"build", "-trimpath", "-ldflags", linkFlags(), "-o", staging + string(filepath.Separator)}
	for _, c := range components {
		args = append(args, c.pkg)
	}
	if err := run(ctx, moduleDir, progress, args...); err != nil {
		return err
	}
	for _, c := range components {
		if c.built == c.name {
			continue
		}
		if err := os.Rename(filepath.Join(staging, c.built), filepath.Join(staging, c.name)); err != nil {
			return fmt.Errorf("build: %w", err)
		}
	}
	if err := (Tools{Dir: staging}).checkVersions(ctx); err != nil {
		return err
	}
	if err := os.Rename(staging, final); err != nil {
		return fmt.Errorf("build: %w", err)
	}
	fmt.Fprintf(progress, "built in %s: %s\n", time.Since(start).Round(time.Second), final)
	return nil
}

// keepFor is how long a set of binaries (half a gigabyte) outlives its last use.
const keepFor = 14 * 24 * time.Hour

// prune marks the set key as used now and removes the sets that nobody used for long.
func prune(root, key string, now time.Time) error {
	if err := os.Chtimes(filepath.Join(root, key), now, now); err != nil {
		return fmt.Errorf("build: %w", err)
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		return fmt.Errorf("build: %w", err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !entry.IsDir() || now.Sub(info.ModTime()) < keepFor {
			continue
		}
		if err := os.RemoveAll(filepath.Join(root, entry.Name())); err != nil {
			return fmt.Errorf("build: %w", err)
		}
	}
	return nil
}

// Pkitool builds pkitool, as its own go.mod says, into dir and returns the binary's path.
// repoDir is the root of the main module. The environment variable PKITOOL names a binary to take instead.
func Pkitool(ctx context.Context, repoDir, dir string) (string, error) {
	if given := os.Getenv("PKITOOL"); given != "" {
		return given, nil
	}
	out := filepath.Join(dir, "pkitool")
	return out, run(ctx, repoDir, io.Discard, "build", "-o", out, "./cmd/pkitool")
}

// Versions reports what each component says about itself: name to version.
func (t Tools) Versions(ctx context.Context) (map[string]string, error) {
	versions := make(map[string]string, len(components))
	for _, c := range components {
		args := []string{"--version"}
		switch c.name {
		case "kubeadm":
			args = []string{"version", "-o", "short"}
		case "kubectl":
			args = []string{"version", "--client", "-o", "yaml"}
		}
		out, err := exec.CommandContext(ctx, t.Path(c.name), args...).Output()
		if err != nil {
			return nil, fmt.Errorf("build: %s: %w", c.name, err)
		}
		versions[c.name] = versionIn(string(out))
	}
	return versions, nil
}

// versionIn finds the first word of a program's version text that looks like a version.
func versionIn(text string) string {
	for word := range strings.FieldsSeq(text) {
		bare := strings.TrimPrefix(word, "v")
		if bare != "" && bare[0] >= '0' && bare[0] <= '9' && strings.Count(bare, ".") == 2 {
			return word
		}
	}
	return strings.TrimSpace(text)
}

// checkVersions refuses binaries that are not what the report will say they are.
func (t Tools) checkVersions(ctx context.Context) error {
	versions, err := t.Versions(ctx)
	if err != nil {
		return err
	}
	for _, c := range components {
		want := KubernetesVersion
		if c.name == "etcd" {
			want = EtcdVersion
		}
		if versions[c.name] != want {
			return fmt.Errorf("build: %s is version %q, want %q (does go.mod pin another one?)", c.name, versions[c.name], want)
		}
	}
	return nil
}

// linkFlags makes a Kubernetes component know its version, as a release build would. What is not known (the commit) is left alone.
func linkFlags() string {
	flags := []string{"-s", "-w"}
	major, minor, _ := strings.Cut(strings.TrimPrefix(KubernetesVersion, "v"), ".")
	minor, _, _ = strings.Cut(minor, ".")
	for _, pkg := range []string{"k8s.io/client-go/pkg/version", "k8s.io/component-base/version"} {
		for _, v := range [][2]string{{"gitVersion", KubernetesVersion}, {"gitMajor", major}, {"gitMinor", minor}, {"gitTreeState", "clean"}} {
			flags = append(flags, "-X", pkg+"."+v[0]+"="+v[1])
		}
	}
	return strings.Join(flags, " ")
}

// cacheKey names everything that the binaries depend on: the pins, the hollow kubelet's sources, the flags, the Go version.
func cacheKey(ctx context.Context, moduleDir string) (string, error) {
	files := []string{filepath.Join(moduleDir, "go.mod"), filepath.Join(moduleDir, "go.sum")}
	sources, err := filepath.Glob(filepath.Join(moduleDir, "hollow", "*.go"))
	if err != nil || len(sources) == 0 {
		return "", errors.Join(fmt.Errorf("build: no sources in %s", filepath.Join(moduleDir, "hollow")), err)
	}
	h := sha256.New()
	for _, name := range append(files, sources...) {
		content, err := os.ReadFile(name)
		if err != nil {
			return "", fmt.Errorf("build: %w", err)
		}
		fmt.Fprintf(h, "%s %d\n", filepath.Base(name), len(content))
		h.Write(content)
	}
	goVersion, err := exec.CommandContext(ctx, "go", "env", "GOVERSION").Output()
	if err != nil {
		return "", fmt.Errorf("build: go env: %w", err)
	}
	fmt.Fprintf(h, "%s %s/%s %s\n", bytes.TrimSpace(goVersion), runtime.GOOS, runtime.GOARCH, linkFlags())
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}

// run runs the go command in dir. cgo is off: a machine with Go only has no C compiler, and pure Go resolvers dial no surprises.
func run(ctx context.Context, dir string, progress io.Writer, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "PWD="+dir)
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = progress, io.MultiWriter(&stderr, progress)
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build: go %s in %s: %w\n%s", args[0], dir, err, stderr.String())
	}
	return nil
}

// lock takes an advisory lock on a file, waiting for whoever holds it, and returns what lets it go.
func lock(name string) (func(), error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("build: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("build: lock %s: %w", name, err)
	}
	return func() { f.Close() }, nil
}
