package phases_test

import "github.com/pkitool/pkitool/phases"

func renewal() phases.RenewOptions { return phases.RenewOptions{Options: at(now)} }
