"""Schema changes, applied at start under the lock of data_dir; `run` is the only entrance."""
