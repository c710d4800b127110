import '../style/theme.css';
import { render } from 'preact';
import { Layout } from '../components/layout.tsx';

const root = document.getElementById('page');
if (root) render(<Layout page="verify">{null}</Layout>, root);
