"""The adaptive layered VIX hedge: ten slots in three tenor layers, sized by weighted vega, moved by the curve."""
