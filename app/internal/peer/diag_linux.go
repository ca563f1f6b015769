// SPDX-License-Identifier: Apache-2.0

package peer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

var nativeEndian = binary.NativeEndian

// Sizes and numbers of linux/sock_diag.h and linux/inet_diag.h.
const (
	sockDiagByFamily = 20
	diagRequest      = unix.NLMSG_HDRLEN + 56 // inet_diag_req_v2
	diagAnswer       = unix.NLMSG_HDRLEN + 72 // inet_diag_msg
	tcpListen        = 10
	noCookie         = ^uint32(0)
)

// diagnose asks the kernel for one socket (sock_diag(7)).
func diagnose(own, other netip.AddrPort) (owner, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return owner{}, err
	}
	defer unix.Close(fd)
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 1})
	if err := unix.Sendto(fd, request(own, other), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return owner{}, err
	}
	b := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, b, 0)
	if err != nil {
		return owner{}, err
	}
	return answer(b[:n], own, other)
}

func request(own, other netip.AddrPort) []byte {
	b := make([]byte, diagRequest)
	nativeEndian.PutUint32(b, diagRequest)
	nativeEndian.PutUint16(b[4:], sockDiagByFamily)
	nativeEndian.PutUint16(b[6:], unix.NLM_F_REQUEST)
	nativeEndian.PutUint32(b[8:], 1) // sequence
	r := b[unix.NLMSG_HDRLEN:]
	r[0], r[1] = unix.AF_INET, unix.IPPROTO_TCP
	if own.Addr().Is6() {
		r[0] = unix.AF_INET6
	}
	nativeEndian.PutUint32(r[4:], ^uint32(0)) // states: all
	id := r[8:]                               // inet_diag_sockid
	putID(id, own, other)
	nativeEndian.PutUint32(id[40:], noCookie)
	nativeEndian.PutUint32(id[44:], noCookie)
	return b
}

// putID writes ports and addresses of an inet_diag_sockid, in network order.
func putID(id []byte, own, other netip.AddrPort) {
	binary.BigEndian.PutUint16(id, own.Port())
	binary.BigEndian.PutUint16(id[2:], other.Port())
	copy(id[4:20], own.Addr().AsSlice())
	copy(id[20:36], other.Addr().AsSlice())
}

func answer(b []byte, own, other netip.AddrPort) (owner, error) {
	if len(b) < unix.NLMSG_HDRLEN+4 {
		return owner{}, errors.New("a short answer of sock_diag")
	}
	if nativeEndian.Uint16(b[4:]) == unix.NLMSG_ERROR {
		return owner{}, fmt.Errorf("sock_diag: %w", unix.Errno(-int32(nativeEndian.Uint32(b[unix.NLMSG_HDRLEN:]))))
	}
	if len(b) < diagAnswer {
		return owner{}, errors.New("a short answer of sock_diag")
	}
	m := b[unix.NLMSG_HDRLEN:] // family, state, timer, retrans, id, expires, rqueue, wqueue, uid, inode
	var want [4]byte
	binary.BigEndian.PutUint16(want[:], own.Port())
	binary.BigEndian.PutUint16(want[2:], other.Port())
	if m[1] == tcpListen || [4]byte(m[4:8]) != want {
		return owner{}, errGone // nobody has it: the kernel fell back on the listener
	}
	return owner{uid: int(nativeEndian.Uint32(m[64:])), inode: uint64(nativeEndian.Uint32(m[68:]))}, nil
}
