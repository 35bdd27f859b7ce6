//go:build unix

package store

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkSave writes the 27 files of a full PKI in three ways, one after the other in each round so that a busy machine is
// busy for all of them, and reports the median of each in milliseconds and its ratio to plain writing. Store is Lock, Save and
// Unlock; the four steps are those of a real run: keys, CA certificates, leaves, kubeconfigs.
//
//	go test -run '^$' -bench Save -benchtime 101x ./pki/store
func BenchmarkSave(b *testing.B) {
	ways := []struct {
		name string
		save func(dir string, steps [][]Write) error
	}{{"plain", savePlain}, {"fsync-each", saveEach}, {"store", saveLocked}}
	times := make([][]float64, len(ways))
	top := b.TempDir()
	for round := 0; b.Loop(); round++ {
		for i := range ways {
			way := (i + round) % len(ways)
			dir := filepath.Join(top, strconv.Itoa(round)+ways[way].name)
			for _, sub := range lockedDirs(dir) {
				require.NoError(b, os.MkdirAll(sub, 0o755))
			}
			require.NoError(b, syncDirAt(dir))
			steps := fullSet(dir)
			begin := time.Now()
			require.NoError(b, ways[way].save(dir, steps))
			times[way] = append(times[way], float64(time.Since(begin))/1e6)
		}
	}
	b.ReportMetric(0, "ns/op") // of all ways together: says nothing
	for i, way := range ways {
		slices.Sort(times[i])
		p50 := times[i][len(times[i])/2]
		b.ReportMetric(p50, way.name+"-ms")
		if i > 0 {
			b.ReportMetric(p50/times[0][len(times[0])/2], way.name+"/plain")
		}
	}
}

// fullSet is the size and shape of what pkitool init writes: 11 keys and a public key, 3 CA and 7 leaf certificates, 5 kubeconfigs.
func fullSet(dir string) [][]Write {
	steps := make([][]Write, 4)
	add := func(step, n int, sub, suffix string, size int) {
		for range n {
			name := strconv.Itoa(len(steps[step])) + suffix
			steps[step] = append(steps[step], Write{Path: filepath.Join(dir, sub, name), Data: bytes.Repeat([]byte{'x'}, size), Mode: 0o600})
		}
	}
	add(0, 8, "pki", ".key", 1700)
	add(0, 4, "pki/etcd", ".key", 1700)
	add(1, 2, "pki", "ca.crt", 1100)
	add(1, 1, "pki/etcd", "ca.crt", 1100)
	add(2, 4, "pki", ".crt", 1200)
	add(2, 3, "pki/etcd", ".crt", 1200)
	add(3, 5, "", ".conf", 5600)
	return steps
}

func savePlain(_ string, steps [][]Write) error {
	for _, w := range slices.Concat(steps...) {
		if err := os.WriteFile(w.Path, w.Data, w.Mode); err != nil {
			return err
		}
	}
	return nil
}

// saveEach is what an atomic-write library does, file by file.
func saveEach(_ string, steps [][]Write) error {
	for _, w := range slices.Concat(steps...) {
		f, err := os.OpenFile(w.Path+".tmp", os.O_WRONLY|os.O_CREATE|os.O_EXCL, w.Mode)
		if err != nil {
			return err
		}
		_, err = f.Write(w.Data)
		err = errors.Join(err, f.Sync(), f.Close())
		if err == nil {
			err = os.Rename(w.Path+".tmp", w.Path)
		}
		if err == nil {
			err = syncDirAt(filepath.Dir(w.Path))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func saveLocked(dir string, steps [][]Write) error {
	l, err := Lock(context.Background(), lockedDirs(dir)...)
	if err != nil {
		return err
	}
	return errors.Join(l.Save(steps...), l.Unlock())
}
