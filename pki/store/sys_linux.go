package store

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// startSync starts writing f to the disk without waiting, so that the disk is busy while further files are staged and
// the fsync that follows finds little left to do. A filesystem that cannot start early is no fault: fsync decides.
func startSync(f *os.File) {
	_ = unix.SyncFileRange(int(f.Fd()), 0, 0, unix.SYNC_FILE_RANGE_WRITE)
}

// canSyncFilesystem says that syncFilesystem works here.
const canSyncFilesystem = true

// syncFilesystem writes out everything on the filesystem of dir. It reports failed writes since Linux 5.8.
func syncFilesystem(dir *os.File) error {
	return retry(func() error { return unix.Syncfs(int(dir.Fd())) })
}

// renameDirAbsent renames a directory unless to is there.
func renameDirAbsent(from, to string) error {
	err := retry(func() error { return unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE) })
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		return os.Rename(from, to) // fails if to holds anything
	}
	return err
}

// retry calls do again where a signal interrupted it, as package os does.
func retry(do func() error) error {
	for {
		if err := do(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// renameAbsent renames from to to in one directory unless to is there (fs.ErrExist).
func renameAbsent(dir *os.File, root *os.Root, from, to string) error {
	fd := int(dir.Fd())
	err := retry(func() error { return unix.Renameat2(fd, from, fd, to, unix.RENAME_NOREPLACE) })
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) { // NFS, old FUSE
		return linkAbsent(root, from, to)
	}
	return err
}

// holder finds the process that holds a lock of a file, and its program, in /proc; 0 where that does not say.
func holder(file fs.FileInfo) (pid int, name string) {
	f, err := os.Open("/proc/locks")
	if err != nil {
		return 0, ""
	}
	defer f.Close()
	device, inode := identity(file)
	want := fmt.Sprintf("%02x:%02x:%d", unix.Major(device), unix.Minor(device), inode)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		// "1: FLOCK  ADVISORY  WRITE 123 08:01:4711 0 EOF"; who waits has "->" behind the number
		field := strings.Fields(lines.Text())
		if len(field) < 6 || field[1] == "->" || field[5] != want {
			continue
		}
		if pid, err := strconv.Atoi(field[4]); err == nil && pid > 0 {
			return pid, program(pid)
		}
	}
	return 0, ""
}

var commandName = regexp.MustCompile(`^[a-z][a-z-]*$`)

// program is the name of a process's program. Arguments may be secret, so of pkitool's own only the words that can be
// names of commands and rows are told, up to the first that cannot.
func program(pid int) string {
	name, err := readProc(pid, "comm")
	if err != nil || name == "" {
		return "unknown"
	}
	name = strings.TrimSuffix(name, "\n")
	if name != "pkitool" {
		return name
	}
	line, _ := readProc(pid, "cmdline")
	for i, word := range strings.Split(line, "\x00") {
		if i == 0 {
			continue
		}
		if i > 4 || !commandName.MatchString(word) {
			break
		}
		name += " " + word
	}
	return name
}

func readProc(pid int, file string) (string, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/%s", pid, file))
	if err != nil {
		return "", err
	}
	defer f.Close()
	var data bytes.Buffer
	_, err = data.ReadFrom(io.LimitReader(f, 4096))
	return data.String(), err
}
