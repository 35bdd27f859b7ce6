package pkitool_test

// Holds the module requirements while the packages that use them are being written.
import (
	_ "github.com/cloudflare/cfssl/config"
	_ "github.com/cloudflare/cfssl/csr"
	_ "github.com/cloudflare/cfssl/signer/local"
	_ "github.com/cloudflare/cfssl/log"
	_ "github.com/cloudflare/circl/sign/ed448"
	_ "github.com/gofrs/flock"
	_ "github.com/rogpeppe/go-internal/testscript"
	_ "github.com/spf13/cobra"
	_ "github.com/stretchr/testify/assert"
	_ "github.com/stretchr/testify/require"
	_ "github.com/zmap/zcrypto/x509"
	_ "github.com/zmap/zlint/v3"
	_ "golang.org/x/crypto/cryptobyte"
	_ "golang.org/x/crypto/md4"
	_ "golang.org/x/crypto/ripemd160"
	_ "golang.org/x/sync/errgroup"
	_ "golang.org/x/sys/unix"
	_ "golang.org/x/term"
	_ "gopkg.in/yaml.v3"
	_ "software.sslmate.com/src/go-pkcs12"
)
