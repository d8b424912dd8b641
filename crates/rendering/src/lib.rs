//! Presentation attack instruments and a camera, rendered from still photographs.
