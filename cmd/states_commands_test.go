//go:build unix

package cmd_test

import (
	"io/fs"
	mrand "math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/pkitool/pkitool/cmd"
)

func makePipe(path string) error { return syscall.Mkfifo(path, 0o644) }

// call is a command line of the campaign, and what it may do.
type call struct {
	args    []string
	writes  bool // it may change files
	secret  bool // a private key on standard output was asked for
	reports bool // what is wrong is said on standard output
}

// site is where a call is made up.
type site struct {
	r       *mrand.Rand
	dir     string
	request []byte
	command []string
}

// orders make up the calls of a command, or of all commands below one.
var orders = map[string]func(s *site) call{
	"init": func(s *site) call {
		return s.dry(s.here("--reissue", "--apiserver-cert-extra-sans=x.example.com", "--cert-mode=0600", "--skip-phases=certs/ca"), "--dry-run")
	},
	"certs/generate-csr": func(s *site) call {
		return s.dry(append(s.here("--apiserver-cert-extra-sans=x.example.com"), s.some("apiserver", "etcd-peer", "admin.conf", "front-proxy-client")...), "--dry-run")
	},
	"certs/renew": func(s *site) call {
		args := append(s.command, s.dirs()...)
		if s.r.IntN(3) == 0 {
			args = append(args, "--file", s.file())
		} else {
			args = append(args, s.some("apiserver", "etcd-peer", "admin.conf", "kubelet.conf", "apiserver-etcd-client")...)
		}
		return s.dry(append(args, s.some("--reuse-key", "--no-backup", "--if-expires-within=33%", "--drop-sans=kubernetes", "--validity=1h")...), "--dry-run")
	},
	"certs/check-expiration": func(s *site) call {
		args := append(s.command, s.dirs()...)
		args = append(args, s.some("--within=30d", "ca", "apiserver", "admin.conf", "-q")...)
		return call{args: append(args, s.format("text", "json", "yaml", "prometheus")...)}
	},
	"certs/audit": func(s *site) call {
		args := append(slices.Clone(s.command), s.format("text", "json", "yaml", "sarif", "junit")...)
		args = append(args, s.some("--fail-on=notice", "--fail-on=warning", "--ignore=key-mismatch", "--within=20%", "--role=worker", "--role=etcd", "-q", "--kubeconfig="+s.file(), "--baseline="+s.file())...)
		if s.r.IntN(2) == 0 {
			return call{args: append(args, s.dirs()...), reports: true}
		}
		return call{args: append(args, pick(s.r, []string{s.dir, filepath.Join(s.dir, "pki"), filepath.Dir(s.dir), filepath.Join(s.dir, "nowhere")}), s.dir), reports: true}
	},
	"certs/tree": func(s *site) call {
		args := append(s.command, pick(s.r, [][]string{s.dirs(), {s.dir}, {filepath.Join(s.dir, "pki"), s.dir}})...)
		return call{args: append(append(args, s.some("--role=worker", "--ascii", "--width=60")...), s.format("text", "json", "yaml", "mermaid", "dot")...)}
	},
	"certs/report": func(s *site) call {
		args := append(s.command, pick(s.r, [][]string{s.dirs(), {s.dir}, {"--dir", "a b=" + s.dir, filepath.Join(s.dir, "pki")}})...)
		if s.r.IntN(4) == 0 {
			return call{args: append(args, "--out", s.file()), writes: true}
		}
		return s.out(append(args, "--out", "-"), "report.html", false)
	},
	"certs/show": func(s *site) call {
		args := append(s.command, s.files()...)
		return call{args: append(args, pick(s.r, [][]string{{"--text"}, {"--short"}, {"-o", "json"}, {"-o", "yaml"}, nil})...)}
	},
	"certs/import": func(s *site) call {
		args := append(s.here(), s.files()...)
		return call{args: append(args, s.some("--accept-names", "--ca-cert=ca="+s.file(), "--ca-cert=etcd-ca="+s.file())...), writes: true}
	},
	"certs/issue": func(s *site) call {
		args := append(s.command, "--cert-dir", filepath.Join(s.dir, "pki"), "--cn", s.name())
		args = append(args, s.some("--org=a", "--signer=etcd-ca", "--san=DNS:a.example.com", "--validity=20y", "--path-len=0")...)
		args = append(args, pick(s.r, []string{"--client", "--server", "--peer", "--ca"}))
		if s.r.IntN(4) == 0 {
			args = append(args, "--key", s.file())
		}
		return s.out(args, "x", true)
	},
	"certs/sign": func(s *site) call {
		args := append(s.command, s.requestFile(), "--cert-dir", filepath.Join(s.dir, "pki"), "--as", pick(s.r, []string{"client", "server", "peer", "kubelet-client", "kubelet-serving"}))
		return s.out(append(args, s.some("--accept-subject", "--accept-sans", "--signer=front-proxy-ca", "--allow-system-masters")...), "x", false)
	},
	"kubeconfig/user": func(s *site) call {
		args := append(s.command, s.dirs()...)
		args = append(args, "--cn", s.name())
		args = append(args, s.some("--server=https://192.0.2.10:6443", "--org=a", "--validity=1h", "--namespace=n", "--token=abc")...)
		if s.r.IntN(4) == 0 {
			args = append(args, "--csr", s.requestFile())
		}
		switch s.r.IntN(4) {
		case 0:
			return call{args: append(args, "--merge-into", pick(s.r, []string{filepath.Join(s.dir, "out", "m.conf"), filepath.Join(s.dir, "admin.conf")})), writes: true}
		case 1:
			return call{args: append(args, "--external-files", "--out", filepath.Join(s.dir, "out", "x.conf")), writes: true}
		}
		return s.out(args, "x.conf", true)
	},
	"kubeconfig/show": func(s *site) call {
		return call{args: slices.Concat(s.command, s.files(), s.format("text", "json", "yaml"))}
	},
	"kubeconfig/check": func(s *site) call {
		args := slices.Concat(s.command, s.files(), s.format("text", "json", "yaml"))
		if s.r.IntN(3) == 0 {
			return call{args: append(args, "--fix"), writes: true, reports: true}
		}
		return call{args: args, reports: true}
	},
	"kubeconfig/merge": func(s *site) call {
		args := slices.Concat(s.command, s.files(), s.some("--rename", "--set-current"))
		if s.r.IntN(2) == 0 {
			return call{args: append(args, "--into", pick(s.r, []string{filepath.Join(s.dir, "out", "m.conf"), s.file()})), writes: true}
		}
		return call{args: args, secret: true}
	},
	"config/print": func(s *site) call {
		return call{args: s.here("--control-plane-endpoint=lb.example.com:6443", "--defaults")}
	},
	"config/validate": func(s *site) call { return call{args: append(s.command, s.file())} },
	"verify": func(s *site) call {
		args := append(s.command, pick(s.r, [][]string{nil, {"-CAfile", s.file()}, {"-trusted", s.file(), "-untrusted", s.file()}, {"--as", "apiserver", "-CAfile", s.file()}, {"-CRLfile", s.file(), "-crl_check"}, {"-show_chain", "-verbose"}, {"-CApath", filepath.Join(s.dir, "pki")}})...)
		return call{args: append(args, s.files()...)}
	},
	"version": func(s *site) call { return call{args: append(s.command, s.format("text", "json", "yaml")...)} },
}

// orderOf makes up calls of a command; nil for an unknown one.
func orderOf(command string) func(s *site) call {
	for at := command; at != "."; at = filepath.Dir(at) {
		if o := orders[at]; o != nil {
			return o
		}
	}
	return nil
}

// orderNames are the commands to choose from: the phases of init, which are as many as all others, count once.
func orderNames() []string {
	var out []string
	var phases []string
	for _, c := range cmd.Commands() {
		if strings.HasPrefix(c, "init/") {
			phases = append(phases, c)
		} else {
			out = append(out, c, c, c, c, c, c, c, c)
		}
	}
	return append(out, phases...)
}

// some are some of the words that are given.
func (s *site) some(words ...string) []string {
	return slices.DeleteFunc(words, func(w string) bool {
		name, _, _ := strings.Cut(w, "=")
		return s.r.IntN(4) != 0 || strings.HasPrefix(w, "--") && !cmd.HasFlag(s.command, name[2:])
	})
}

func (s *site) format(formats ...string) []string {
	if s.r.IntN(2) == 0 || !cmd.HasFlag(s.command, "output") {
		return nil
	}
	return []string{"-o", pick(s.r, formats)}
}

func (s *site) dirs() []string {
	return []string{"--cert-dir", filepath.Join(s.dir, "pki"), "--kubeconfig-dir", s.dir}
}

// here is the command with its directories and some more; what the node is may be left to the files and the host.
func (s *site) here(more ...string) []string {
	args := append(slices.Clone(s.command), s.dirs()...)
	args = append(args, s.format("text", "json", "yaml")...)
	if s.r.IntN(3) > 0 && !slices.Contains(s.command, "phase") {
		args = append(args, "--node-name=cp-1", "--apiserver-advertise-address=192.0.2.10")
	}
	return append(args, s.some(more...)...)
}

// dry is a call with or without --dry-run.
func (s *site) dry(args []string, flag string) call {
	if s.r.IntN(3) == 0 {
		return call{args: append(args, flag)}
	}
	return call{args: args, writes: true}
}

// out is a call that writes to a file, or to standard output.
func (s *site) out(args []string, name string, secret bool) call {
	if s.r.IntN(2) == 0 {
		return call{args: append(args, "--out", filepath.Join(s.dir, "out", name)), writes: true}
	}
	return call{args: args, secret: secret}
}

func (s *site) name() string {
	return pick(s.r, []string{"alice", "system:node:cp-1", "", "a\x00b", "\x1b[31mred\nline", "\u202eevil", strings.Repeat("x", 100), "kubernetes"})
}

// file is a file of the state, or a path at which there is none. A pipe on which nobody writes is waited for, as it is
// by every program: it is named by nobody here, and met everywhere else.
func (s *site) file() string {
	var all []string
	add := func(path string) {
		if info, err := os.Stat(path); err != nil || info.Mode()&(fs.ModeNamedPipe|fs.ModeDevice) == 0 {
			all = append(all, path)
		}
	}
	add(filepath.Join(s.dir, "nothing.crt"))
	add(filepath.Join(s.dir, "pki"))
	ending := ".conf"
	if s.command[0] != "kubeconfig" && s.r.IntN(4) > 0 {
		ending = pick(s.r, []string{".crt", ".key"})
	}
	for _, rel := range append(cmd.RowFiles(), "pki/extra.crt", "extra.conf", "var/kubelet-client-current.pem", "out/m.conf") {
		if filepath.Ext(rel) == ending || s.r.IntN(10) == 0 {
			add(filepath.Join(s.dir, rel))
		}
	}
	return pick(s.r, all)
}

func (s *site) files() []string {
	var out []string
	for range 1 + s.r.IntN(3) {
		out = append(out, s.file())
	}
	return out
}

// requestFile is a request, or another file.
func (s *site) requestFile() string {
	path := filepath.Join(s.dir, "..", "request.csr")
	if s.r.IntN(4) == 0 {
		return s.file()
	}
	if err := os.WriteFile(path, s.request, 0o600); err != nil {
		panic(err)
	}
	return path
}
