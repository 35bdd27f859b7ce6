package judge

import (
	"io/fs"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/pki/store"
)

// rights notes who else may change what the row's consumers trust. What is so of a directory is said of its first row.
// A directory of kubeconfigs that everybody can write in is a warning: it may be a workspace, and no CA is in it. What is
// above the directories is not looked at: mounts of containers and workspaces of CI are often open to everybody.
// Files that others make are theirs.
func (c *Case) rights() {
	if c.Spec.Given {
		return
	}
	for _, d := range c.Held.Dirs {
		c.add(d.Open(c.Spec.Place.Root), d.Path)
		c.add(shared(d.Rights), d.Path)
	}
	for _, f := range []File{c.Held.Cert, c.Held.Key, c.Held.Conf} {
		switch {
		case !f.Exists:
		case c.Spec.Issuer.Role != "" && f.Path == c.Held.Cert.Path: // it is judged by its CA and its key, and its mode is set right
		case f.Mode&0o002 != 0 && f.Dir.Mode != 0:
			c.add(finding.New(finding.FileOpen, finding.Mode(f.Mode)), f.Path)
		case f.Owner == "":
		case f.Owner != f.Dir.Owner && (f.Dir.Everybody || f.Dir.Group != ""):
			c.add(finding.New(finding.FileForeign, f.Owner), f.Path)
		case c.Spec.Kind == certs.CA && f.Path == c.Held.Key.Path:
			c.add(finding.New(finding.CAKeyForeign, f.Owner), f.Path)
		}
	}
}

// Open says that everybody can replace the files of a directory: as an error, nothing may be written there, whatever is
// wanted, since a new key would be no safer.
func (d Dir) Open(root certs.Root) *finding.Finding {
	if !d.Everybody || d.Mode&fs.ModeSticky != 0 {
		return nil
	}
	f := finding.New(finding.DirectoryOpen, finding.Mode(d.Mode))
	if root == certs.KubeconfigDir {
		f.Severity = finding.Warning
	}
	return f
}

// shared says who else may put files into a directory, and what takes the right away.
func shared(r store.Rights) *finding.Finding {
	switch {
	case r.Owner != "":
		return finding.New(finding.DirectoryShared, r.Owner, "chown 0")
	case r.Everybody && r.Mode&fs.ModeSticky == 0:
		return nil // told already
	case r.Everybody:
		return finding.New(finding.DirectoryShared, "everybody", "chmod go-w")
	case r.Group != "":
		return finding.New(finding.DirectoryShared, r.Group, "chmod g-w")
	}
	return nil
}
