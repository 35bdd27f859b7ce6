package cluster

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Strays lists the sockets beyond loopback that any process of the machine had whenever it was looked, as
// "kube-apiserver tcp 0.0.0.0:6443 -> 192.0.2.10:443". A healthy machine has none.
func (m *Machine) Strays() []string {
	m.lookAtSockets()
	m.mu.Lock()
	defer m.mu.Unlock()
	strays := make([]string, 0, len(m.strays))
	for s := range m.strays {
		strays = append(strays, s)
	}
	slices.Sort(strays)
	return strays
}

// watchSockets looks every so often until the machine is closed.
func (m *Machine) watchSockets(every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			m.lookAtSockets()
		case <-m.stopped:
			return
		}
	}
}

// lookAtSockets notes every socket of our processes with an end that is not on loopback.
func (m *Machine) lookAtSockets() {
	owners := map[string]string{} // socket inode -> process name
	for _, p := range m.Processes() {
		fds := filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid), "fd")
		entries, err := os.ReadDir(fds)
		if err != nil {
			continue // it has ended
		}
		for _, e := range entries {
			link, err := os.Readlink(filepath.Join(fds, e.Name()))
			if inode, ok := strings.CutPrefix(link, "socket:["); err == nil && ok {
				owners[strings.TrimSuffix(inode, "]")] = p.Name
			}
		}
	}
	for _, table := range []string{"tcp", "tcp6", "udp", "udp6"} {
		file, err := os.Open("/proc/net/" + table)
		if err != nil {
			continue // no IPv6 here
		}
		lines := bufio.NewScanner(file)
		lines.Scan() // the heading
		for lines.Scan() {
			m.judgeSocket(table, strings.Fields(lines.Text()), owners)
		}
		file.Close()
	}
}

// judgeSocket notes one line of a /proc/net table if it is ours and has an end beyond loopback.
func (m *Machine) judgeSocket(table string, fields []string, owners map[string]string) {
	if len(fields) < 10 || owners[fields[9]] == "" {
		return
	}
	local, remote := parseSocket(fields[1]), parseSocket(fields[2])
	// A listener's remote end, and an unconnected UDP socket's, is all zeros.
	if isLoopback(local) && (isLoopback(remote) || remote.Addr().IsUnspecified()) {
		return
	}
	if local.Addr().IsUnspecified() && local.Port() == 0 {
		return // not bound, not connected
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.strays[fmt.Sprintf("%s %s %s -> %s", owners[fields[9]], table, local, remote)] = struct{}{}
}

func isLoopback(a netip.AddrPort) bool { return a.Addr().Unmap().IsLoopback() }

// parseSocket reads the kernel's "0100007F:1F90": the address as 32-bit words in this machine's byte order.
// What does not parse is returned as the zero AddrPort, which counts as a stray: better loud than blind.
func parseSocket(s string) netip.AddrPort {
	address, port, _ := strings.Cut(s, ":")
	raw, err := hex.DecodeString(address)
	if err != nil || len(raw)%4 != 0 {
		return netip.AddrPort{}
	}
	ip := make([]byte, len(raw))
	for word := 0; word < len(raw); word += 4 {
		binary.NativeEndian.PutUint32(ip[word:], binary.BigEndian.Uint32(raw[word:]))
	}
	addr, _ := netip.AddrFromSlice(ip)
	n, _ := strconv.ParseUint(port, 16, 16)
	return netip.AddrPortFrom(addr, uint16(n))
}
