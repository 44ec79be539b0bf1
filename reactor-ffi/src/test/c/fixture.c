/* Native side of the tests. */
int fixture_version(void);
int fixture_version(void) { return 1; }
