package cluster

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"syscall"
)

// heldPort is a socket that is bound to a port and doesn't listen.
type heldPort int

// Ports finds n free TCP ports on a loopback address, below the range from which the kernel takes the ports of
// outgoing connections, and holds them until the machine is closed: between this look and the component's own listen,
// or while a component is restarted, no other test and no other run is given them.
func (m *Machine) Ports(address string, n int) ([]int, error) {
	const low, high, tries = 20000, 32000, 1000
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return nil, fmt.Errorf("cluster: no port: %w", err)
	}
	var ports []int
	for range tries {
		if len(ports) == n {
			return ports, nil
		}
		port := low + rand.IntN(high-low)
		held, err := holdPort(ip, port)
		switch {
		case err == nil:
			m.mu.Lock()
			m.ports = append(m.ports, held)
			m.mu.Unlock()
			ports = append(ports, port)
		case !errors.Is(err, syscall.EADDRINUSE):
			return nil, fmt.Errorf("cluster: no port on %s: %w", address, err)
		}
	}
	return nil, fmt.Errorf("cluster: no %d free ports on %s", n, address)
}

// holdPort binds a port alone, and only then allows others beside it: whoever sets SO_REUSEADDR, as every listener of
// Go does, can listen on the port, while another holdPort, which doesn't, cannot have it.
func holdPort(ip netip.Addr, port int) (heldPort, error) {
	family, address := syscall.AF_INET, syscall.Sockaddr(nil)
	if ip.Is4() {
		address = &syscall.SockaddrInet4{Port: port, Addr: ip.As4()}
	} else {
		family, address = syscall.AF_INET6, &syscall.SockaddrInet6{Port: port, Addr: ip.As16()}
	}
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	if err := errors.Join(syscall.Bind(fd, address), syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)); err != nil {
		syscall.Close(fd)
		return 0, err
	}
	return heldPort(fd), nil
}

// releasePorts gives the held ports back.
func (m *Machine) releasePorts() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, held := range m.ports {
		syscall.Close(int(held))
	}
	m.ports = nil
}
