// Loaded by --import before vitest, which runs on this machine's Node: the workers, in which the tests run, are started with another.
process.execPath = process.env.FLAXEN_TEST_NODE;
