//go:build linux && amd64

package faults_test

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// scene is one command in one prepared directory.
type scene struct {
	name  string
	start world
	args  []string
	// again is what the same command may say, and refuse, when all is there already.
	again *regexp.Regexp
	// together: of the files that the command makes there is every one or none, after an error.
	together bool
	// heals: after a kill, another command of the same directory (`init`) has to make every pair whole as well.
	heals bool
	// foreign is a program that is not ours, for comparison: what it says is not judged.
	foreign bool
	bin     string
	// beside is a file beside the directory, of its name and .yaml, for a program that wants absolute paths in it; DIR
	// in it and in args is the directory.
	beside string

	room  string            // where the clean run was
	clean world             // what a run without fault leaves
	says  map[string]string // what its files say
	calls []call            // what it does
}

// house is where the scenes are prepared and played.
type house struct {
	bin, kubeadm string
	dir          string
}

// environment is the program's: nothing of this host's, and the directory it runs in.
func environment() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "LC_ALL=C",
		"PKITOOL_CERT_DIR=pki", "PKITOOL_KUBECONFIG_DIR=.", "PKITOOL_KEY_ALGORITHM=ECDSA-P256",
		"PKITOOL_APISERVER_ADVERTISE_ADDRESS=192.0.2.10", "PKITOOL_NODE_NAME=cp-1",
	}
}

// built is the program under test, once it is built. TestMain removes it.
var built string

// newHouse builds the program, unless PKITOOL_BINARY names one, and makes a directory in memory where that may be done:
// what is tried is which calls are made and what they leave, and a disk would only make it slow.
func newHouse(tb testing.TB) *house {
	tb.Helper()
	h := &house{bin: os.Getenv("PKITOOL_BINARY"), kubeadm: os.Getenv("PKITOOL_KUBEADM"), dir: tb.TempDir()}
	if h.bin == "" && built == "" {
		dir, err := os.MkdirTemp("", "pkitool-faults")
		require.NoError(tb, err)
		build := exec.Command("go", "build", "-o", filepath.Join(dir, "pkitool"), "github.com/pkitool/pkitool/cmd/pkitool")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		out, err := build.CombinedOutput()
		require.NoError(tb, err, string(out))
		built = filepath.Join(dir, "pkitool")
	}
	h.bin = cmp.Or(h.bin, built)
	tmpfs(tb, h.dir, "mode=0755")
	real, err := filepath.EvalSymlinks(h.dir)
	require.NoError(tb, err)
	h.dir = real
	if _, err := (run{bin: h.bin, args: []string{"version"}, dir: h.dir}).trace(); err != nil {
		require.Empty(tb, os.Getenv("CI"), "no process can be traced here: %v", err)
		tb.Skipf("SKIPPED: no fault can be tried, since no process can be traced here: %v", err)
	}
	return h
}

// plain runs the program without a fault.
func (h *house) plain(bin, dir string, args ...string) outcome {
	cmd := exec.Command(bin, args...)
	cmd.Dir, cmd.Env = dir, environment()
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	o := outcome{Code: cmd.ProcessState.ExitCode(), Stdout: stdout.String(), Stderr: stderr.String()}
	if cmd.ProcessState == nil {
		o.Code, o.Stderr = -1, err.Error()
	}
	return o
}

// after is what a world becomes by commands.
func (h *house) after(tb testing.TB, start world, commands ...[]string) world {
	tb.Helper()
	dir, err := os.MkdirTemp(h.dir, "prepare")
	require.NoError(tb, err)
	defer os.RemoveAll(dir)
	require.NoError(tb, start.put(dir))
	for _, args := range commands {
		o := h.plain(h.bin, dir, args...)
		require.Zero(tb, o.Code, "%v: %s%s", args, o.Stdout, o.Stderr)
	}
	w, err := take(dir)
	require.NoError(tb, err)
	return w
}

func text(data string) file { return file{0o644, data} }

func words(s string) []string { return strings.Fields(s) }

const names = "--apiserver-cert-extra-sans=lb.example.com,198.51.100.7 --etcd-cert-extra-sans=etcd.example.com"

const configuration = `apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint:
  advertiseAddress: 192.0.2.10
nodeRegistration:
  name: cp-1
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
encryptionAlgorithm: ECDSA-P256
kubernetesVersion: v1.36.0
apiServer:
  certSANs:
  - configured.example.com
`

// mine is a kubeconfig that somebody has already.
const mine = `# my own notes
apiVersion: v1
kind: Config
clusters:
- name: other
  cluster:
    server: https://other.example.com:6443
contexts:
- name: other
  context:
    cluster: other
    user: other
current-context: other
users:
- name: other
  user:
    token: abc.def
`

// scenes are the commands that write, each in a directory where it has something to do.
func (h *house) scenes(tb testing.TB) []*scene {
	tb.Helper()
	empty := world{}
	base := h.after(tb, empty, append(words("init"), words(names)...))
	half := base.without("pki/apiserver.crt", "pki/etcd/peer.crt", "pki/etcd/peer.key", "pki/front-proxy-client.key",
		"pki/front-proxy-client.crt", "pki/sa.pub", "admin.conf", "scheduler.conf")
	configured := base.with(world{"cluster.yaml": text(configuration)})
	outside, requested, signed := h.externalCA(tb)
	renewal := h.after(tb, outside, words("certs generate-csr all"))
	renewal = renewal.with(h.sign(tb, renewal))
	users := base.with(world{
		"users.csv": text("cn,org,validity,namespace\nalice,dev;ops,30d,web\nbob,dev,30d,\ncarol,,8h,\n"),
		"mine.conf": {0o600, mine},
		// Data and a path: client-go complains, and `check --fix` takes the path away.
		"both.conf":  {0o600, strings.Replace(base["admin.conf"].data, "    server:", "    certificate-authority: pki/ca.crt\n    server:", 1)},
		"other.conf": {0o600, strings.ReplaceAll(mine, "other", "third")},
		"token":      {0o600, "abc.def"},
	})
	withUser := h.after(tb, users, words("certs issue --client --cn dave --org dev --san DNS:dave.example.com --out dave"))
	reported := h.after(tb, base, words("certs check-expiration -o prometheus --out pki.prom"))
	exists := regexp.MustCompile(`already exists|nothing is written over`)
	list := []*scene{
		{name: "init", start: empty, args: append(words("init"), words(names)...)},
		{name: "init, half of it there", start: half, args: append(words("init"), words(names)...)},
		{name: "init --reissue", start: base, heals: true, args: words("init --reissue --control-plane-endpoint new.example.com " +
			"--apiserver-cert-extra-sans=new.example.com --etcd-cert-extra-sans=new.example.com")},
		{name: "certs renew all", start: base, heals: true, args: words("certs renew all")},
		{name: "certs renew all --no-backup", start: base, heals: true, args: words("certs renew all --no-backup")},
		{name: "certs renew all --config", start: configured, heals: true, args: words("certs renew all --config cluster.yaml")},
		{name: "certs renew apiserver", start: base, heals: true, args: words("certs renew apiserver")},
		{name: "certs renew admin.conf", start: base, heals: true, args: words("certs renew admin.conf")},
		{name: "certs renew --file", start: withUser, args: words("certs renew --file dave.crt")},
		{name: "certs generate-csr", start: h.requests(outside), args: words("certs generate-csr all")},
		{name: "certs generate-csr, for a renewal", start: outside, args: words("certs generate-csr all")},
		{name: "certs import", start: requested.with(signed), args: append(words("certs import"), signedFiles(signed)...)},
		{name: "certs import, for a renewal", start: renewal, heals: true, args: append(words("certs import"), signedFiles(signed)...)},
		{name: "certs issue --out", start: base, again: exists, together: true, args: words("certs issue --client --cn erin --org dev --out erin")},
		{name: "certs sign --out", start: base.with(world{"web.csr": text(h.request(tb))}), again: exists,
			args: words("certs sign web.csr --as server --accept-subject --accept-sans --out web")},
		{name: "kubeconfig user --out", start: base, again: exists, args: words("kubeconfig user --cn erin --org dev --out erin.conf")},
		{name: "kubeconfig user --external-files", start: base, again: exists, together: true,
			args: words("kubeconfig user --cn erin --external-files --out ext/erin.conf")},
		{name: "kubeconfig user --from", start: users, again: exists, together: true, args: words("kubeconfig user --from users.csv --out-dir users")},
		{name: "kubeconfig user --merge-into", start: users, again: regexp.MustCompile(`taken|differs|already`),
			args: words("kubeconfig user --cn erin --org dev --merge-into mine.conf")},
		{name: "kubeconfig merge --into", start: users, args: words("kubeconfig merge other.conf admin.conf --into mine.conf")},
		{name: "kubeconfig check --fix", start: users, args: words("kubeconfig check --fix both.conf")},
		{name: "certs check-expiration --out", start: reported, args: words("certs check-expiration -o prometheus --out pki.prom")},
	}
	for _, s := range list {
		s.bin = h.bin
	}
	return list
}

// kubeadmScenes are the same by kubeadm.
func (h *house) kubeadmScenes(tb testing.TB) []*scene {
	tb.Helper()
	if h.kubeadm == "" {
		return nil
	}
	base := h.after(tb, world{"cluster.yaml": text(configuration)}, words("init --config cluster.yaml")).without("cluster.yaml")
	var list []*scene
	for _, s := range []*scene{
		{args: words("init phase certs all --config DIR.yaml"), start: world{}},
		{args: words("init phase kubeconfig all --config DIR.yaml --kubeconfig-dir DIR"),
			start: base.without("admin.conf", "super-admin.conf", "kubelet.conf", "controller-manager.conf", "scheduler.conf")},
		// Not "all": for its kubeconfigs it always looks into /etc/kubernetes.
		{args: words("certs renew apiserver --config DIR.yaml"), start: base},
		{args: words("certs renew etcd-peer --config DIR.yaml"), start: base},
	} {
		s.bin, s.foreign = h.kubeadm, true
		s.name, _, _ = strings.Cut("kubeadm "+strings.Join(s.args, " "), " --config")
		s.beside = configuration + "certificatesDir: DIR/pki\n"
		list = append(list, s)
	}
	return list
}

// rehearse plays a scene without a fault: what it leaves is what is wanted of every other run.
func (s *scene) rehearse(tb testing.TB, h *house) {
	tb.Helper()
	dir := h.room(tb)
	defer os.RemoveAll(dir)
	require.NoError(tb, s.prepare(dir))
	o, err := s.in(dir, kind{}, 0).trace()
	require.NoError(tb, err)
	require.Zero(tb, o.Code, "%s: %s%s", s.name, o.Stdout, o.Stderr)
	require.NotEmpty(tb, o.Calls, "%s: changes nothing", s.name)
	s.calls, s.room = o.Calls, dir
	s.clean, err = take(dir)
	require.NoError(tb, err)
	s.says = map[string]string{}
	for p, f := range s.clean {
		if !isCopy(p) {
			s.says[p], err = describe(p, f)
			require.NoError(tb, err, "%s: %s", s.name, p)
		}
	}
	if s.foreign {
		return
	}
	j := &judgement{scene: s}
	j.always(s.clean)
	j.copies(s.clean)
	j.wholly(s.clean)
	require.Empty(tb, j.found, "%s: a run without fault breaks a law", s.name)
}

func (s *scene) in(dir string, k kind, at int) run {
	return run{bin: s.bin, args: s.argsIn(dir), env: environment(), dir: dir, kind: k, at: at}
}

// prepare makes dir what it is before the command.
func (s *scene) prepare(dir string) error {
	return errors.Join(s.prepareBeside(dir), s.start.put(dir))
}

func (s *scene) prepareBeside(dir string) error {
	if s.beside == "" {
		return nil
	}
	return os.WriteFile(dir+".yaml", []byte(strings.ReplaceAll(s.beside, "DIR", dir)), 0o600)
}

func (s *scene) argsIn(dir string) []string {
	var out []string
	for _, a := range s.args {
		out = append(out, strings.ReplaceAll(a, "DIR", dir))
	}
	return out
}

// room is a new empty directory.
func (h *house) room(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp(h.dir, "room")
	require.NoError(tb, err)
	return dir
}

// count says how often a kind of fault can happen in a scene.
func (s *scene) count(k kind) (n int) {
	for _, c := range s.calls {
		if k.meets(c) {
			n++
		}
	}
	return n
}

func (s *scene) String() string { return fmt.Sprintf("%s (%s)", s.name, strings.Join(s.args, " ")) }
