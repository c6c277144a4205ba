/** Runs before every test file: makes the reference interpreters known, for FLAXEN_BACKEND=reference and for the tests that use them. */
import './reference.js';
