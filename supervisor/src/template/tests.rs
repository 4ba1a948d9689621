//! Templates and what they render.
