package cluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// EtcdFlags asks the real kubeadm for the flags of the etcd member on the node that config describes.
func (m *Machine) EtcdFlags(ctx context.Context, config string) ([]string, error) {
	commands, err := m.manifests(ctx, "", config, []string{"etcd", "local"})
	return commands["etcd"], err
}

// manifests asks the real kubeadm for the static pods it would write for the cluster that config (a kubeadm
// configuration file) describes, and returns each component's command line without the program: "kube-apiserver" to its
// flags. So the certificate flags are kubeadm's own, and a new version of kubeadm that passes one more is noticed.
// A root other than "" is what kubeadm takes for the root of the machine; config is in there.
func (m *Machine) manifests(ctx context.Context, root, config string, phases ...[]string) (map[string][]string, error) {
	parent := m.Dir
	if root != "" {
		parent = root
	}
	dir, err := os.MkdirTemp(parent, "manifests-")
	if err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	for _, phase := range phases {
		args := append([]string{"init", "phase"}, phase...)
		cmd := exec.CommandContext(ctx, m.Tools.Path("kubeadm"), append(args, "--config", config, "--dry-run")...)
		cmd.Env = append(m.Env(), "KUBEADM_INIT_DRYRUN_DIR="+strings.TrimPrefix(dir, root))
		if root != "" {
			InRoot(cmd, root)
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("cluster: kubeadm %s: %w\n%s", strings.Join(args, " "), err, out)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("cluster: kubeadm wrote no manifests to %s", dir)
	}
	commands := map[string][]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("cluster: %w", err)
		}
		var pod corev1.Pod
		if err := yaml.UnmarshalStrict(text, &pod); err != nil {
			return nil, fmt.Errorf("cluster: %s: %w", file, err)
		}
		if len(pod.Spec.Containers) != 1 || len(pod.Spec.Containers[0].Command) == 0 {
			return nil, fmt.Errorf("cluster: %s: not one container with a command", file)
		}
		command := pod.Spec.Containers[0].Command
		commands[command[0]] = command[1:]
	}
	return commands, nil
}

// InRoot lets a kubeadm command take dir for the root of the machine. That takes the right to chroot: as another user
// than root, in a user namespace of its own.
func InRoot(cmd *exec.Cmd, dir string) {
	cmd.Args = append(cmd.Args, "--rootfs", dir)
	if os.Geteuid() != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		}
	}
}

// flag is one --name=value.
type flag struct{ name, value string }

// with returns args with the given flags replaced or added. The certificate flags stay kubeadm's: what is overridden
// are addresses, ports, folders and kubeconfigs, which kubeadm means for a machine of its own.
func with(args []string, overrides ...flag) []string {
	result := make([]string, 0, len(args)+len(overrides))
	for _, arg := range args {
		name, _, _ := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
		replaced := false
		for _, o := range overrides {
			replaced = replaced || o.name == name
		}
		if !replaced {
			result = append(result, arg)
		}
	}
	for _, o := range overrides {
		result = append(result, "--"+o.name+"="+o.value)
	}
	return result
}

// valueOf is the value of a flag in args, "" when it is not there.
func valueOf(args []string, name string) string {
	for _, arg := range args {
		if value, ok := strings.CutPrefix(arg, "--"+name+"="); ok {
			return value
		}
	}
	return ""
}
